/** Runs one Sieve test, as `if TEST { discard; }`, and returns its result or the match variables after it. */
import type { Value } from "../../src/expr/value.ts";
import { compileScript } from "../../src/sieve/compile/compile-scripts.ts";
import type { Script, ScriptEnvelope, ScriptOutcome } from "../../src/sieve/script.ts";
import { surroundingsOf, vocabularyOf } from "./script-world.ts";

export interface Subject {
  readonly envelope?: ScriptEnvelope;
  readonly environment?: Readonly<Record<string, Value>>;
  readonly lists?: Readonly<Record<string, readonly string[]>>;
  readonly size?: number;
  readonly now?: number;
  readonly instructions?: number;
  /** Lookups have to be waited for. */
  readonly late?: boolean;
}

/** The problems of the script `if TEST { discard; }`. */
export function problemsOf(written: string, subject: Subject = {}): string[] {
  const { problems } = compile(`if ${written} { discard; }`, subject);
  return problems.map(({ line, column, severity, message }) => `${line}:${column}: ${severity}: ${message}`);
}

export async function truthOf(written: string, subject: Subject = {}): Promise<boolean> {
  const { action, failure } = await run(`if ${written} { discard; }`, subject);
  if (failure) throw new Error(failure.message);
  return action.kind === "discard";
}

/** The first match variables after the test; before it they were `["old"]`. */
export async function matchesAfter(written: string, subject: Subject = {}): Promise<string[]> {
  const before = 'if string :matches "old" "*" {} ';
  const { changes } = await run(`${before} if ${written} {} set "envelope.from" "\${0}|\${1}|\${2}@x";`, subject);
  return (changes[0]?.value ?? "").replace(/@x$/, "").split("|");
}

export async function faultOf(written: string, subject: Subject = {}): Promise<string | undefined> {
  return (await run(`if ${written} { discard; }`, subject)).failure?.message;
}

function compile(source: string, { lists = {}, late = false, instructions }: Subject): ReturnType<typeof compileScript> {
  const limits = instructions === undefined ? {} : { instructions };
  return compileScript("test", `${prologue}${source}`, vocabularyOf({ lists: Object.keys(lists), waits: late, limits, mustRequire: true }));
}

/** On one line of its own, so that the script begins on line 2. */
const prologue =
  'require ["variables", "envelope", "envelope-dsn", "envelope-deliverby", "relational", "subaddress", "extlists", "environment", ' +
  '"ihave", "date", "regex", "comparator-i;ascii-numeric", "comparator-i;unicode-casemap", "vnd.stalwart.execute", "vnd.stalwart.expressions"];\n';

function scriptOf(source: string, subject: Subject): Script {
  const { script, problems } = compile(source, subject);
  if (!script) throw new Error(problems.map(({ line, column, message }) => `${line}:${column}: ${message}`).join("\n"));
  return script;
}

async function run(source: string, subject: Subject): Promise<ScriptOutcome> {
  const { envelope = {}, environment = {}, lists = {}, size = 0, now = 0, late = false } = subject;
  const world = {
    environment: new Map(Object.entries(environment)),
    envelope,
    lists: new Map(Object.entries(lists).map(([name, keys]) => [name, new Set(keys)])),
    sql: [],
    dns: new Map(),
    declaredSize: size,
    now,
  };
  return scriptOf(source, subject).run(surroundingsOf(world, late));
}
