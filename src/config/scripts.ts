/** `[sieve.trusted]`: the scripts, compiled, with what is wrong in each told where it stands. */
import type { Names } from "../expr/ask.ts";
import { didYouMean } from "../expr/nearest.ts";
import { compileScript } from "../sieve/compile.ts";
import type { EnvelopePart, Script, ScriptProblem, ScriptVocabulary } from "../sieve/script.ts";
import { environmentNames } from "../stage/script-environment.ts";
import { absolute, type Build, textOf } from "./build.ts";
import type { Report } from "./report.ts";
import { literalText } from "./rules.ts";
import type { Document } from "./schema.ts";
import type { Path } from "./tree.ts";

const scriptsPath: Path = ["sieve", "trusted", "scripts"];

/** A script as it is written. */
interface Source {
  readonly name: string;
  readonly text: string;
  /** The file that holds it; `undefined`: the configuration does. */
  readonly file: string | undefined;
}

/** Names in lower case. */
export interface ScriptNames {
  readonly active: ReadonlySet<string>;
  readonly inactive: ReadonlySet<string>;
}

/** What `session.*.script` may name: also scripts in which something is wrong. */
export function scriptNames({ document, declared }: Build): ScriptNames {
  const inactive = new Set<string>();
  for (const [name, script] of Object.entries(document.sieve.trusted.scripts)) if (!script["is-active"]) inactive.add(name.toLowerCase());
  return { active: new Set([...declared.scripts].filter((name) => !inactive.has(name))), inactive };
}

/** What is wrong with naming this script; `undefined`: nothing. */
export function unknownScript(name: string, { active, inactive }: ScriptNames): string | undefined {
  const key = name.toLowerCase();
  if (name === "" || active.has(key)) return undefined;
  if (inactive.has(key)) return `the script "${name}" is inactive. Set is-active = true (isActive in JSON), or name another one.`;
  return `unknown script "${name}".${didYouMean(name, active) || ` Add [sieve.trusted.scripts.${name}], or write false.`}`;
}

/** What a setting `script`, as it was understood, may yield: names, and expressions that compute them. */
export function scriptsOf(written: unknown): readonly string[] {
  const outcomes = Array.isArray(written) ? written.map((rule: { then?: unknown; else?: unknown }) => rule.then ?? rule.else) : [written];
  return outcomes.flatMap((outcome) => (typeof outcome === "string" ? [literalText.exec(outcome)?.[2] ?? outcome] : []));
}

/** By name in lower case. `used`: those that a stage may run; `undefined`: some stage computes the name. */
export function buildScripts(build: Build, names: Names, used: ReadonlySet<string> | undefined): ReadonlyMap<string, Script> {
  const { document, report } = build;
  const sources = readSources(build);
  const included = new Set<string>();
  const vocabulary = scriptVocabulary(document, names, (name) => {
    included.add(name.toLowerCase());
    return sources.get(name.toLowerCase())?.text;
  });
  const scripts = new Map<string, Script>();
  /** An included script is compiled for each that includes it, and has its faults but once. */
  const told = new Set<string>();
  for (const [key, source] of sources) {
    const { script, problems } = compileScript(source.name, source.text, vocabulary);
    if (script !== undefined) {
      scripts.set(key, script);
      for (const part of script.sets) if (part !== "from" && part !== "to") warnOfPart(source.name, part, report);
    }
    for (const problem of problems) {
      const line = JSON.stringify([problem.script.toLowerCase(), problem.line, problem.column, problem.message]);
      if (!told.has(line)) tell(problem, sources.get(problem.script.toLowerCase()) ?? source, build);
      told.add(line);
    }
  }
  for (const [key, { name }] of sources) {
    if (used === undefined || used.has(key) || included.has(key)) continue;
    report.warning(
      [...scriptsPath, name],
      `no stage runs this script, and no script includes it. Name it in session.ehlo.script, session.mail.script or session.rcpt.script, as "'${name}'".`,
    );
  }
  return scripts;
}

function warnOfPart(name: string, part: EnvelopePart, report: Report): void {
  report.warning(
    [...scriptsPath, name],
    `sets envelope.${part}: the script sees the change, and nobody else does, since no MTA lets this part be changed. Only from and to can be.`,
  );
}

function readSources(build: Build): ReadonlyMap<string, Source> {
  const { document, report } = build;
  const sources = new Map<string, Source>();
  for (const [name, script] of Object.entries(document.sieve.trusted.scripts)) {
    const path: Path = [...scriptsPath, name];
    const key = name.toLowerCase();
    const former = sources.get(key);
    if (former !== undefined) {
      report.error(path, `there is a script "${former.name}" already, and the case of a name counts for nothing. Choose another name.`);
      continue;
    }
    if (script.file !== undefined) script.file = absolute(build, script.file);
    if (!script["is-active"]) continue;
    const { contents, file } = script;
    if (contents !== undefined && file !== undefined) report.error([...path, "file"], "stands beside contents. Keep one of the two.");
    else if (contents !== undefined) sources.set(key, { name, text: contents, file: undefined });
    else if (file === undefined) report.error(path, `has neither contents nor file. Add file = "${name}.sieve", or contents = '''…'''.`);
    else {
      const text = textOf(build, [...path, "file"], file);
      if (text !== undefined) sources.set(key, { name, text, file });
    }
  }
  return sources;
}

/** What scripts of this configuration are compiled against; `source`: the text of a script that another one includes. */
export function scriptVocabulary({ sieve }: Document, names: Names, source: ScriptVocabulary["source"]): ScriptVocabulary {
  const { limits, "no-capability-check": isLenient } = sieve.trusted;
  return {
    environment: environmentNames,
    names,
    source,
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
    mustRequire: !isLenient,
  };
}

/** In the file of the script; in the configuration where the script stands in it as it is; else by line and column of the script. */
function tell({ severity, line, column, message }: ScriptProblem, { name, text, file }: Source, { report }: Build): void {
  const told = /[.?!]$/.test(message) ? message : `${message}.`;
  if (file !== undefined) {
    report.addIn(file, { severity, line, column, key: "", message: told });
    return;
  }
  const path: Path = [...scriptsPath, name, "contents"];
  const first = report.placeOf(path, 0);
  const at = report.placeOf(path, startOfLine(text, line) + column - 1);
  const isDirect = at.line - first.line === line - 1 && (line === 1 || at.column === column);
  const place = isDirect ? at : report.placeOf(path);
  report.add({
    severity,
    line: place.line,
    column: place.column,
    key: at.key,
    message: isDirect ? told : `line ${line}, column ${column}: ${told}`,
  });
}

/** The index of its first character; lines are from 1. */
function startOfLine(text: string, line: number): number {
  let start = 0;
  for (let number = 1; number < line; number += 1) start = text.indexOf("\n", start) + 1;
  return start;
}
