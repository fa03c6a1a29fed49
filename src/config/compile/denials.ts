/** The `deny` of a stage, compiled; a refusal that can never be given, or always is, is reported. */
import { asBoolean } from "../../expr/result.ts";
import { checksFor } from "../../stage/sender-auth.ts";
import type { Denial, ReplyTemplate } from "../../stage/stage-settings.ts";
import { variablesOf } from "../../stage/vocabulary.ts";
import { didYouMean } from "../../text/did-you-mean.ts";
import type { Normalised } from "../normalise.ts";
import type { KeyPath } from "../syntax/tree.ts";
import type { CompileContext } from "./context.ts";
import type { RuleCompiler } from "./rules.ts";

type WrittenDenials = Normalised["session"]["rcpt"]["deny"];

/** `path`: that of the list. */
export function compileDenials(
  denials: WrittenDenials,
  path: KeyPath,
  compiler: RuleCompiler,
  { names, report }: CompileContext,
): readonly Denial[] {
  let always: number | undefined;
  return denials.map(({ mode, if: condition, reply }, index) => {
    const at: KeyPath = [...path, index, "if"];
    const rule = compiler.compile(condition, at);
    if (always !== undefined) report.warning(at, `is never asked, because ${path.join(".")}[${always}] refuses everything.`);
    else if (rule.constant !== undefined && !report.hasErrorAt(at)) {
      const isTrue = asBoolean(rule.constant);
      if (isTrue && mode === "enforce") always = index;
      report.warning(at, isTrue ? "is always true: everything is refused." : "is never true. Correct it, or remove the refusal.");
    }
    return {
      mode,
      title: `deny (${report.file}:${report.placeOf(at).line})`,
      if: rule,
      reply: compileReply(reply.value, variablesOf[condition.stage], names.used.variables, (message) =>
        report.error([...path, index, "reply"], message),
      ),
    };
  });
}

/** `{name}`; braces around anything else are text. */
const variable = /\{([a-z_][a-z0-9_]*)\}/i;

/** As scripts, rules and other programs write it: `${name}`, `{ name }`, `{env.name}`, `{a-name}`. */
const misspelt = /\$\{\w+\}|\{\s*(?:\w+\.)*([\w-]+)\s*\}/g;

function compileReply(
  { code, status, text }: WrittenDenials[number]["reply"]["value"],
  variables: (typeof variablesOf)["rcpt"],
  used: Set<string>,
  complain: (message: string) => void,
): ReplyTemplate {
  const named: string[] = [];
  for (const [written, name = written.slice(2, -1)] of text.matchAll(misspelt)) {
    const meant = `{${name.replaceAll("-", "_")}}`;
    if (written !== meant && variables.has(meant.slice(1, -1)))
      complain(`"${written}" is not how a variable is written. Write "${meant}".`);
  }
  // Names are at the odd places.
  const parts = text.split(variable).flatMap((part, place): ReplyTemplate["parts"] => {
    if (place % 2 === 0) return part === "" ? [] : [part];
    const read = variables.get(part);
    if (read !== undefined) {
      named.push(part);
      used.add(part);
      return [read];
    }
    complain(`"{${part}}" is not a variable that is known at this stage.${didYouMean(part, variables.keys())}`);
    return [];
  });
  return { code, status, parts, checks: checksFor(named) };
}
