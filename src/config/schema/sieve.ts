/** The keys of `[sieve.trusted]`: scripts, and how they run. */
import { z } from "zod";
import { defaultLimits, type Limits } from "../../sieve/limits.ts";
import { path } from "./values.ts";

function limit(name: keyof Limits, max: number, meaning: string) {
  return z.int().min(1).max(max).default(defaultLimits[name]).meta({ description: meaning });
}

/** Deeper ones would exhaust the stack of the parser. */
const maxDepth = 200;
const mebibyte = 1 << 20;

const limits = z
  .strictObject({
    instructions: limit("instructions", 1_000_000_000, "Commands and tests of one run; long texts cost more."),
    "nested-includes": limit("nestedIncludes", 50, "Scripts that include scripts."),
    "nested-blocks": limit("nestedBlocks", maxDepth, "Blocks within blocks."),
    "nested-tests": limit("nestedTests", maxDepth, "Tests within tests."),
    "script-size": limit("scriptSize", 16 * mebibyte, "Octets of a script."),
    "string-size": limit("stringSize", 16 * mebibyte, "Octets of one string as it is written."),
    "variable-size": limit("variableSize", mebibyte, "Characters of the value of a variable; longer ones are truncated."),
    "variable-name": limit("variableName", 1000, "Characters of the name of a variable."),
    variables: limit("variables", 100_000, "Variables of a script."),
  })
  .prefault({});

const isNoTable =
  'is not a table. Put its text into contents, as in { contents = "keep;" }, or name its file, as in { file = "name.sieve" }.';

const scriptFields = {
  contents: z.string().optional().meta({ description: "The script; a literal string, `'''…'''`, leaves it as it is.", unset: "`file`" }),
  file: path.optional().meta({ description: "The file that holds it, in place of `contents`. It is read again at SIGHUP.", unset: "none" }),
  "is-active": z.boolean().default(true).meta({ description: "False: as if there were no such script." }),
};

const script = z.strictObject(scriptFields, { error: ({ input }) => (typeof input === "string" ? isNoTable : undefined) });

export const sieveTable = z
  .strictObject({
    trusted: z
      .strictObject({
        "on-error": z
          .enum(["accept", "defer"])
          .default("accept")
          .meta({
            description:
              "What happens to the command when an error stops its script or a source is unavailable: `accept` continues with what the script " +
              "had decided, `defer` replies with `session.rcpt.replies.unavailable`.",
          }),
        "no-capability-check": z.boolean().default(true).meta({
          description: "Whether a script may use an extension that it does not `require`, with a warning. False makes that an error.",
        }),
        limits,
        scripts: z.record(z.string(), script).default({}).meta({ description: "Scripts by name, in any case." }),
      })
      .prefault({}),
  })
  .prefault({})
  .meta({ description: "Sieve scripts, which `session.ehlo.script`, `session.mail.script` and `session.rcpt.script` name." });
