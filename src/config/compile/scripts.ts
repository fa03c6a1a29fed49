/** `[sieve.trusted]`: the scripts, compiled, with what is wrong in each told where it stands. */
import type { Names } from "../../expr/ask.ts";
import { compileScript } from "../../sieve/compile/compile-scripts.ts";
import type { EnvelopePart, Script, ScriptProblem, ScriptVocabulary } from "../../sieve/script.ts";
import { environmentNames } from "../../stage/script-environment.ts";
import { didYouMean } from "../../text/did-you-mean.ts";
import type { Problem, Report } from "../check/report.ts";
import type { Path } from "../syntax/tree.ts";
import { absolute, type Build, notUtf8, textOf } from "./context.ts";
import { literalText } from "./rules.ts";

const scriptsPath: Path = ["sieve", "trusted", "scripts"];

/** Scripts as they are written. */
export type ScriptSources = ReadonlyMap<string, { readonly name: string; readonly text: string }>;

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
  return `unknown script "${name}".${didYouMean(name, active) || ` Add [sieve.trusted.scripts.${name}] (in JSON a SieveSystemScript), or write false.`}`;
}

/** What a setting `script`, as it was understood, may yield: names, and expressions that compute them. */
export function scriptsOf(written: unknown): readonly string[] {
  const outcomes = Array.isArray(written) ? written.map((rule: { then?: unknown; else?: unknown }) => rule.then ?? rule.else) : [written];
  return outcomes.flatMap((outcome) => (typeof outcome === "string" ? [literalText.exec(outcome)?.[2] ?? outcome] : []));
}

/** By name in lower case. `used`: those that a stage may run; `undefined`: some stage computes the name. */
export function buildScripts(
  build: Build,
  sources: ScriptSources,
  vocabulary: ScriptVocabulary,
  used: ReadonlySet<string> | undefined,
): ReadonlyMap<string, Script> {
  const { report } = build;
  const included = new Set<string>();
  const source: ScriptVocabulary["source"] = (name) => {
    included.add(name.toLowerCase());
    return vocabulary.source(name);
  };
  const scripts = new Map<string, Script>();
  /** An included script is compiled for each that includes it, and has its faults but once. */
  const told = new Set<string>();
  for (const [key, { name, text }] of sources) {
    const { script, problems } = compileScript(name, text, { ...vocabulary, source });
    if (script !== undefined) {
      scripts.set(key, script);
      for (const part of script.sets) if (part !== "from" && part !== "to") warnOfPart(name, part, report);
    }
    for (const problem of problems) {
      const line = JSON.stringify([problem.script.toLowerCase(), problem.line, problem.column, problem.message]);
      if (!told.has(line)) report.add(problemInScript(problem, build));
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

/** The scripts that are active, by name in lower case. */
export function readScripts(build: Build): ScriptSources {
  const { document, report } = build;
  const sources = new Map<string, { readonly name: string; readonly text: string }>();
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
    else if (contents !== undefined) sources.set(key, { name, text: contents });
    else if (file === undefined) report.error(path, `has neither contents nor file. Add file = "${name}.sieve", or contents = '''…'''.`);
    else {
      const content = textOf(build, [...path, "file"], file);
      const text = content === undefined ? undefined : scriptIn(content);
      if (text !== undefined) sources.set(key, { name, text });
      else if (content !== undefined) report.error([...path, "file"], `${file} ${notUtf8}`);
    }
  }
  return sources;
}

/** The script that a file holds. `undefined`: the file was no UTF-8. */
export function scriptIn(content: string): string | undefined {
  // Some editors write a byte order mark.
  return content.includes("\ufffd") ? undefined : content.replace(/^\ufeff/, "");
}

/** What scripts of this configuration are compiled against. */
export function scriptVocabulary({ document }: Build, names: Names, sources: ScriptSources): ScriptVocabulary {
  const { limits, "no-capability-check": isLenient } = document.sieve.trusted;
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
    mustRequire: !isLenient,
  };
}

/** In the file of the script; in the configuration where the script stands in it as it is; else by line and column of the script. */
export function problemInScript({ severity, script, line, column, message }: ScriptProblem, { document, report }: Build): Problem {
  const told = /[.?!]$/.test(message) ? message : `${message}.`;
  const [name = script, { contents = "", file } = {}] =
    Object.entries(document.sieve.trusted.scripts).find(([each]) => each.toLowerCase() === script.toLowerCase()) ?? [];
  if (file !== undefined) return { severity, file, line, column, key: "", message: told };
  const path: Path = [...scriptsPath, name, "contents"];
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
    message: isDirect ? told : `line ${line}, column ${column}: ${told}`,
  };
}

/** The index of its first character; lines are from 1. */
function startOfLine(text: string, line: number): number {
  let start = 0;
  for (let number = 1; number < line; number += 1) start = text.indexOf("\n", start) + 1;
  return start;
}
