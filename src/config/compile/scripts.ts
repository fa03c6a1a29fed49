/** `[sieve.trusted]`: the scripts, compiled, with what is wrong in each reported at its place. */
import type { RuleSetSource } from "../../expr/expression.ts";
import { compileScript } from "../../sieve/compile/compile-scripts.ts";
import type { Script, ScriptProblem, ScriptStatement, ScriptVocabulary } from "../../sieve/script.ts";
import { environmentNames, type ScriptStage } from "../../stage/script-environment.ts";
import type { PlacedStatement } from "../check/names.ts";
import type { Problem, ProblemReport } from "../check/report.ts";
import type { Normalised } from "../normalise.ts";
import { onlyExpression } from "../syntax/rule-set.ts";
import type { KeyPath } from "../syntax/tree.ts";
import { mistakenComparison, mistakenItem } from "./comparison.ts";
import { type CompileContext, notUtf8, textOf } from "./context.ts";
import { literalText } from "./rules.ts";

const scriptsPath: KeyPath = ["sieve", "trusted", "scripts"];

/** The scripts that are active, as they are written, by name in lower case. */
export type ScriptSources = ReadonlyMap<string, { readonly name: string; readonly text: string }>;

export function readScripts({ sieve }: Normalised, context: CompileContext): ScriptSources {
  const { report } = context;
  const sources = new Map<string, { readonly name: string; readonly text: string }>();
  for (const [name, { contents, file, "is-active": isActive }] of Object.entries(sieve.trusted.scripts)) {
    const path: KeyPath = [...scriptsPath, name];
    const key = name.toLowerCase();
    const other = sources.get(key);
    if (other !== undefined) {
      report.error(path, `there is a script "${other.name}" already; upper and lower case are the same in names. Choose another name.`);
      continue;
    }
    if (!isActive) continue;
    if (contents !== undefined && file !== undefined) report.error([...path, "file"], "is given beside contents. Keep one of the two.");
    else if (contents !== undefined) sources.set(key, { name, text: contents });
    else if (file === undefined) report.error(path, `has neither contents nor file. Add file = "${name}.sieve", or contents = '''…'''.`);
    else {
      const content = textOf([...path, "file"], file, context);
      const text = content === undefined ? undefined : scriptIn(content);
      if (text !== undefined) sources.set(key, { name, text });
      else if (content !== undefined) report.error([...path, "file"], `${file} ${notUtf8}`);
    }
  }
  return sources;
}

/** The script that a file holds. `undefined`: the file was not UTF-8. */
export function scriptIn(content: string): string | undefined {
  // Some editors write a byte order mark.
  return content.includes("\ufffd") ? undefined : content.replace(/^\ufeff/, "");
}

/** What scripts of this configuration are compiled against. */
export function scriptVocabulary(
  { sieve, session, domain }: Normalised,
  sources: ScriptSources,
  { names }: CompileContext,
): ScriptVocabulary {
  const { limits, "no-capability-check": isLenient } = sieve.trusted;
  return {
    environment: environmentNames,
    names,
    source: (name) => sources.get(name.toLowerCase())?.text,
    limits: {
      instructions: limits.instructions,
      nestedIncludes: limits["nested-includes"],
      nestedBlocks: limits["nested-blocks"],
      nestedTests: limits["nested-tests"],
      scriptSize: limits["script-size"],
      stringSize: limits["string-size"],
      variableSize: limits["variable-size"],
      variableName: limits["variable-name"],
      variables: limits.variables,
    },
    subAddressing: subAddressingOf([session.rcpt["sub-addressing"], ...domain.flatMap((each) => each["sub-addressing"] ?? [])]),
    mistakenComparison: (variable, constant) => mistakenComparison(variable, constant, names.listeners),
    mistakenItem: (item, text) => mistakenItem(item, text, names.listeners),
    mustRequire: !isLenient,
  };
}

function subAddressingOf(settings: readonly RuleSetSource[]): ScriptVocabulary["subAddressing"] {
  const switches = settings.map(onlyExpression);
  if (switches.some((only) => only !== "true" && only !== "false")) return "rules";
  return switches.includes("true") ? "separator" : "off";
}

/** What each stage may run: names, and expressions that compute them. */
export function scriptsByStage({ session }: Normalised): Readonly<Record<ScriptStage, readonly string[]>> {
  const scriptsOf = (stage: ScriptStage) => scriptOutcomes(session[stage].script).map((text) => literalText.exec(text)?.[2] ?? text);
  return { ehlo: scriptsOf("ehlo"), mail: scriptsOf("mail"), rcpt: scriptsOf("rcpt") };
}

/** Expressions whose value is the name of a script. */
export function scriptOutcomes({ rules, else: otherwise }: RuleSetSource): readonly string[] {
  return [...rules.map(({ then }) => then), otherwise].filter((text) => !/^\s*(?:false|0)\s*$/.test(text));
}

/** By name in lower case. */
export function compileScripts(
  normalised: Normalised,
  sources: ScriptSources,
  vocabulary: ScriptVocabulary,
  { report }: CompileContext,
): ReadonlyMap<string, Script> {
  const included = new Set<string>();
  const source: ScriptVocabulary["source"] = (name) => {
    included.add(name.toLowerCase());
    return vocabulary.source(name);
  };
  const scripts = new Map<string, Script>();
  /** An included script is compiled for each that includes it, and its faults are reported once. */
  const reported = new Set<string>();
  for (const [key, { name, text }] of sources) {
    const { script, problems } = compileScript(name, text, { ...vocabulary, source });
    if (script !== undefined) {
      scripts.set(key, script);
      for (const part of [...script.sets].filter((each) => each !== "from" && each !== "to"))
        report.warning(
          [...scriptsPath, name],
          `sets envelope.${part}, which no MTA lets anybody change: only the script sees the new value. Set only from and to.`,
        );
    }
    for (const problem of problems) {
      const line = JSON.stringify([problem.script.toLowerCase(), problem.line, problem.column, problem.message]);
      if (!reported.has(line)) report.add(problemInScript(problem, normalised, report));
      reported.add(line);
    }
  }
  for (const [key, { name }] of sources) {
    if (included.has(key) || mayRun(key, normalised)) continue;
    report.warning(
      [...scriptsPath, name],
      `no stage runs this script, and no script includes it. Name it in session.ehlo.script, session.mail.script or session.rcpt.script, as "'${name}'".`,
    );
  }
  return scripts;
}

function mayRun(key: string, { session }: Normalised): boolean {
  const outcomes = [session.ehlo, session.mail, session.rcpt].flatMap(({ script }) => scriptOutcomes(script));
  // A name that is computed may be any of them.
  return outcomes.some((text) => (literalText.exec(text)?.[2] ?? key).toLowerCase() === key);
}

/** One that is included in several appears in each of them. */
export function statementsOfScripts(
  scripts: ReadonlyMap<string, Script>,
  normalised: Normalised,
  { report }: CompileContext,
): readonly PlacedStatement[] {
  const statements = new Map<string, ScriptStatement>();
  for (const { statements: own } of scripts.values())
    for (const one of own) statements.set(`${one.script}:${one.line}:${one.column}:${one.sql}`, one);
  return [...statements.values()].map(({ store, sql, ...place }) => ({
    store,
    sql,
    isOfRule: false,
    problem: (message) => problemInScript({ severity: "error", ...place, message }, normalised, report),
  }));
}

/** In the file of the script; in the configuration where that has the script as it is; else by line and column of the script. */
function problemInScript(problem: ScriptProblem, { sieve }: Normalised, report: ProblemReport): Problem {
  const { severity, script, line, column } = problem;
  const message = /[.?!]$/.test(problem.message) ? problem.message : `${problem.message}.`;
  const [name = script, { contents = "", file } = {}] =
    Object.entries(sieve.trusted.scripts).find(([each]) => each.toLowerCase() === script.toLowerCase()) ?? [];
  if (file !== undefined) return { severity, file, line, column, key: "", message };
  const path: KeyPath = [...scriptsPath, name, "contents"];
  const first = report.placeOf(path, 0);
  const at = report.placeOf(path, startOfLine(contents, line) + column - 1);
  const isDirect = at.line - first.line === line - 1 && (line === 1 || at.column === column);
  const place = isDirect ? at : report.placeOf(path);
  return {
    severity,
    file: report.file,
    line: place.line,
    column: place.column,
    key: at.key,
    message: isDirect ? message : `line ${line}, column ${column}: ${message}`,
  };
}

/** The index of its first character; lines are from 1. */
function startOfLine(text: string, line: number): number {
  let start = 0;
  for (let number = 1; number < line; number += 1) start = text.indexOf("\n", start) + 1;
  return start;
}
