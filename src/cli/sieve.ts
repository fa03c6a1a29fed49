/** `postern sieve`: compiles one script, runs it against an envelope, and prints what came of it. */
import { existsSync } from "node:fs";
import { Command, InvalidArgumentError, Option } from "commander";
import { notUtf8 } from "../config/compile/context.ts";
import { scriptIn } from "../config/compile/scripts.ts";
import type { Configuration } from "../config/configuration.ts";
import type { Value } from "../expr/value.ts";
import { parseAddress } from "../mail/address.ts";
import { canonicalIp } from "../mail/ip.ts";
import { withoutBrackets } from "../mail/path.ts";
import { formatReply } from "../mail/reply.ts";
import { compileScript } from "../sieve/compile/compile-scripts.ts";
import {
  type EnvelopePart,
  envelopeParts,
  type Script,
  type ScriptEnvelope,
  type ScriptOutcome,
  type ScriptProblem,
  type ScriptTrace,
} from "../sieve/script.ts";
import type { Core } from "../stage/core.ts";
import { surroundingsOf } from "../stage/script.ts";
import { environmentNames, type ScriptStage } from "../stage/script-environment.ts";
import { openSession } from "../stage/session.ts";
import { cleanText } from "../text/controls.ts";
import { didYouMean } from "../text/did-you-mean.ts";
import { type ConfigurationOptions, configurationOption, loadOrEmpty, stateDirectoryOption, withCore } from "./configuration-option.ts";
import { helpText } from "./help-text.ts";
import { textOfFile, UnreadableFile } from "./named-file.ts";

interface SieveOptions extends ConfigurationOptions {
  readonly stage: ScriptStage;
  readonly client?: string;
  readonly helo?: string;
  readonly auth?: string;
  readonly from?: string;
  readonly to?: string;
  readonly mailArg: readonly string[];
  readonly rcptArg: readonly string[];
  readonly set: readonly Assignment[];
  readonly json?: boolean;
}

/** `env.NAME=VALUE` or `envelope.PART=VALUE`. */
type Assignment =
  | { readonly kind: "env"; readonly name: string; readonly value: Value }
  | { readonly kind: "envelope"; readonly part: EnvelopePart; readonly value: string };

const collect = (value: string, previous: readonly string[]) => [...previous, value];

function clientAddress(text: string): string {
  const address = canonicalIp(text);
  if (address === undefined) throw new InvalidArgumentError("Give an IP address.");
  return address;
}

export function sieveCommand(): Command {
  return new Command("sieve")
    .argument("<script>", "the name of a script of the configuration, or a file")
    .addOption(configurationOption())
    .addOption(stateDirectoryOption())
    .addOption(new Option("--stage <stage>", "where it runs").choices(["ehlo", "mail", "rcpt"]).default("rcpt"))
    .option("--client <ip>", "address of the client (default: unknown)", clientAddress)
    .option("--helo <name>", "name given with EHLO", "")
    .option("--auth <user>", "login name", "")
    .option("--from <address>", 'sender; "" is the null sender')
    .option("--to <address>", "recipient")
    .option("--mail-arg <parameter>", "ESMTP parameter of MAIL, such as RET=FULL; may be repeated", collect, [])
    .option("--rcpt-arg <parameter>", "ESMTP parameter of RCPT, such as NOTIFY=NEVER; may be repeated", collect, [])
    .option(
      "--set <name=value>",
      "env.NAME or envelope.PART; may be repeated, and wins over what the other options say",
      (text, previous: readonly Assignment[]) => [...previous, parseAssignment(text)],
      [],
    )
    .option("--json", 'print {"outcome", "reply"?, "changes", "failure"?, "trace"}')
    .addHelpText(
      "after",
      helpText(`
Examples:
  postern sieve ehlo -c FILE --stage ehlo --helo mx.spammer.example
  postern sieve greylist.sieve --client 203.0.113.9 --from a@b.example --to john@example.org
  postern sieve greylist.sieve --set env.remote_ip=203.0.113.9 --set envelope.from=a@b.example

Without -c, and without the default file, there are no lists or directories to ask. The script's database changes are real.
Exit status: 0 it ran, even if it was stopped by a fault, 1 it does not compile or the configuration has errors, 2 there is no such script
or it cannot be read.`),
    )
    .action(async (name: string, options: SieveOptions) => {
      const configuration = loadOrEmpty(options);
      if (configuration === undefined) {
        process.exitCode = 1;
        return;
      }
      const script = scriptOf(name, configuration);
      if (script !== undefined) await withCore(configuration, false, ({ core }) => run(script, options, core));
    });
}

/** `undefined`: there is none, or it does not compile, which was printed. */
function scriptOf(name: string, { settings, scriptVocabulary }: Configuration): Script | undefined {
  const configured = settings.sieve.scripts.get(name.toLowerCase());
  if (configured !== undefined) return configured;
  if (!existsSync(name)) {
    process.stderr.write(`No script or file named "${name}".${didYouMean(name, settings.sieve.scripts.keys())}\n`);
    process.exitCode = 2;
    return undefined;
  }
  const text = scriptAt(name);
  if (text === undefined) {
    process.exitCode = 2;
    return undefined;
  }
  const { script, problems } = compileScript(name, text, scriptVocabulary);
  for (const problem of problems) process.stderr.write(`${formatProblem(problem)}\n`);
  if (script === undefined) process.exitCode = 1;
  return script;
}

/** `undefined`: it cannot be read, which was printed. */
function scriptAt(file: string): string | undefined {
  try {
    const text = scriptIn(textOfFile(file));
    if (text === undefined) process.stderr.write(`${file} ${notUtf8}\n`);
    return text;
  } catch (error) {
    if (!(error instanceof UnreadableFile)) throw error;
    process.stderr.write(`${error.message}\n`);
    return undefined;
  }
}

function formatProblem({ severity, script, line, column, message }: ScriptProblem): string {
  return `${script}:${line}:${column}: ${severity === "warning" ? "warning: " : ""}${message}`;
}

async function run(script: Script, options: SieveOptions, core: Core): Promise<void> {
  const trace: ScriptTrace[] = [];
  const { stage, client, helo = "", auth = "", from, to, mailArg, rcptArg, set } = options;
  const session = openSession(
    {
      listener: "",
      client: { address: client, name: "", port: 0 },
      server: { address: "", port: 25 },
      trusted: false,
    },
    auth,
  );
  session.helo = helo;
  const scope = { session, helo, sender: addressIn(from ?? ""), rcpt: addressIn(to ?? "") };
  const surroundings = surroundingsOf({ stage, scope, mail: mailArg, rcpt: rcptArg }, core);
  const { from: sender, to: recipient, ...parts } = surroundings.envelope;
  const envelope: ScriptEnvelope = {
    ...parts,
    ...(from !== undefined && sender !== undefined && { from: sender }),
    ...(stage === "rcpt" && to !== undefined && recipient !== undefined && { to: recipient }),
    ...Object.fromEntries(set.flatMap((each) => (each.kind === "envelope" ? [[each.part, each.value]] : []))),
  };
  const environment = new Map(set.flatMap((each) => (each.kind === "env" ? [[each.name, each.value]] : [])));
  const outcome = await script.run({
    ...surroundings,
    envelope,
    environment: (name) => environment.get(name.toLowerCase()) ?? surroundings.environment(name),
    trace: (entry) => trace.push(entry),
  });
  process.stdout.write(options.json ? `${JSON.stringify(jsonOf(outcome, trace))}\n` : textOf(outcome, trace));
}

function addressIn(text: string): string {
  return parseAddress(withoutBrackets(text));
}

function jsonOf({ action, changes, failure }: ScriptOutcome, trace: readonly ScriptTrace[]): object {
  const { script, line, column, message } = failure ?? {};
  return {
    outcome: action.kind,
    ...(action.kind === "reject" && { reply: formatReply(action.reply) }),
    changes: changes.map(({ part, value }) => ({ part, value: value ?? null })),
    ...(failure && { failure: { script, line, column, message } }),
    trace,
  };
}

function textOf({ action, changes, failure }: ScriptOutcome, trace: readonly ScriptTrace[]): string {
  return [
    `outcome: ${action.kind === "reject" ? `reject ${formatReply(action.reply)}` : action.kind}`,
    ...(failure ? [`stopped at ${failure.script}:${failure.line}:${failure.column}: ${cleanText(failure.message)}`] : []),
    ...changes.map(({ part, value }) => `envelope.${part} = ${JSON.stringify(value ?? "")}`),
    ...trace.map(({ script, line, what, answer }) => `  ${script}:${line}: ${what}${answer === "" ? "" : `: ${cleanText(answer)}`}`),
    "",
  ].join("\n");
}

function parseAssignment(text: string): Assignment {
  const [, kind, name = "", value = ""] = /^(env|envelope)\.([^=]+)=(.*)$/is.exec(text) ?? [];
  switch (kind?.toLowerCase()) {
    case "env": {
      const item = name.toLowerCase();
      if (environmentNames.has(item)) return { kind: "env", name: item, value };
      const hint = didYouMean(name, environmentNames) || ` Known are ${[...environmentNames].join(", ")}.`;
      throw new InvalidArgumentError(`There is no environment item "${name}".${hint}`);
    }
    case "envelope": {
      const wanted = name.toLowerCase().replaceAll("_", "");
      const part = envelopeParts.find((known) => known === wanted);
      if (part !== undefined) return { kind: "envelope", part, value: part === "from" || part === "to" ? addressIn(value) : value };
      throw new InvalidArgumentError(`There is no part "${name}" of the envelope: ${envelopeParts.join(", ")}.`);
    }
    default:
      throw new InvalidArgumentError("Write env.NAME=VALUE or envelope.PART=VALUE.");
  }
}
