/** Compiles one script and runs it once, without any sources. */
import { compileScript } from "../../src/sieve/compile/compile-scripts.ts";
import type { ScriptEnvelope, ScriptOutcome, ScriptProblem, ScriptTrace } from "../../src/sieve/script.ts";
import { surroundingsOf, vocabularyOf } from "./script-world.ts";

interface Play {
  readonly envelope?: ScriptEnvelope;
  readonly environment?: Readonly<Record<string, string>>;
  readonly vocabulary?: Parameters<typeof vocabularyOf>[0];
  readonly trace?: (entry: ScriptTrace) => void;
}

/** Without warnings, since the scripts of tests have no `require`. */
export function errorsOf(source: string, vocabulary?: Play["vocabulary"]): string[] {
  return errors(compileScript("main", source, vocabularyOf(vocabulary)).problems);
}

function errors(problems: readonly ScriptProblem[]): string[] {
  return problems.flatMap(({ severity, script, line, column, message }) =>
    severity === "error" ? [`${script === "main" ? "" : `${script}:`}${line}:${column}: ${message}`] : [],
  );
}

/** The outcome in one line: `reject 550 5.7.1 No. to=<a@b>; failure 1:2: …`. */
export async function played(source: string, play: Play = {}): Promise<string> {
  return describeOutcome(await outcomeOf(source, play));
}

async function outcomeOf(source: string, { envelope = {}, environment = {}, vocabulary, trace }: Play): Promise<ScriptOutcome> {
  const { script, problems } = compileScript("main", source, vocabularyOf(vocabulary));
  if (!script) throw new Error(errors(problems).join("\n"));
  const world = { lists: new Map(), sql: [], dns: new Map(), declaredSize: 0, now: 0 };
  const surroundings = surroundingsOf({ ...world, envelope, environment: new Map(Object.entries(environment)) }, false);
  return await script.run(trace ? { ...surroundings, trace } : surroundings);
}

function describeOutcome({ action, changes, failure }: ScriptOutcome): string {
  const reply = action.kind === "reject" ? ` ${action.reply.code} ${action.reply.status} ${action.reply.text}` : "";
  const changed = changes.map(({ part, value }) => ` ${part}=${value === undefined ? "" : `<${value}>`}`).join("");
  const { script = "", line, column, message } = failure ?? {};
  return `${action.kind}${reply}${changed}${failure ? `; failure ${script === "main" ? "" : `${script}:`}${line}:${column}: ${message}` : ""}`;
}
