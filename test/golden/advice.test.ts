/** What `check` advises must itself be right: each piece of advice about a bad configuration is taken, and does away with the problem. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { Problem } from "../../src/config/check/report.ts";
import { parseConfiguration } from "../../src/config/load.ts";

function problemsOf(source: string): readonly Problem[] {
  return parseConfiguration(source, "/etc/postern/postern.toml", (path) => {
    throw Object.assign(new Error(`no ${path}`), { code: "ENOENT" });
  }).problems;
}

/** A value of TOML where one begins. */
const value = /^(?:\{[^}]*\}|\[[^\]]*\]|'''[\s\S]*?'''|"(?:\\.|[^"\\])*"|'[^']*'|[^\s,\]}]+)/;

/** How advice is taken: by what is said, from the text of the file and the place of the problem in it to another text. */
const takers: readonly (readonly [said: RegExp, take: (source: string, offset: number, words: readonly string[]) => string])[] = [
  [
    /^"(..)" is not an escape of TOML.* Write "([^"]+)"/,
    (source, offset, [wrong = "", right = ""]) => replaceNext(source, offset, wrong, right),
  ],
  [/^unknown key "\w[\w-]*\.[^"]*"\. Did you mean "([^"]+)"\?$/, (source, offset, [key = ""]) => moveKey(source, offset, key)],
  // A key is before the place of its value.
  [/"([^"]*)"[^"]*\. Did you mean "([^"]+)"\?$/, (source, offset, [wrong = "", right = ""]) => replaceNext(source, offset, wrong, right)],
  [/ (?:Add|Define it in) (\[[^\]]+\])/, (source, _offset, [table]) => `${source}\n${table}\n`],
  [/is missing\. Add it, for example (.+)\.$/, (source, offset, [line]) => insertAfterLine(source, offset, line ?? "")],
  [/ Add ([\w-]+ = (?:"[^"]*"|\["[^\]]*\]))/, (source, offset, [line]) => insertAfterLine(source, offset, line ?? "")],
  // What is given in quotes is the value; with quotes inside it is the value as it stands.
  [
    / Write (?:it (?:as|like) )?(true|false|"'[^']*'"|"[^"]*")(?: or .*|, .*)?\.$/,
    (source, offset, [right = ""]) => source.slice(0, offset) + source.slice(offset).replace(value, () => right),
  ],
];

function replaceNext(source: string, offset: number, wrong: string, right: string): string {
  const isHere = source.slice(offset).split("\n", 1)[0]?.includes(wrong);
  const at = isHere ? source.indexOf(wrong, offset) : source.lastIndexOf(wrong, offset);
  return at < 0 ? source : source.slice(0, at) + right + source.slice(at + wrong.length);
}

/** To another table, which may be there. */
function moveKey(source: string, offset: number, key: string): string {
  const end = source.indexOf("\n", offset);
  const start = source.lastIndexOf("\n", offset - 1) + 1;
  const [table, name] = [key.slice(0, key.lastIndexOf(".")), key.slice(key.lastIndexOf(".") + 1)];
  const line = `${name} =${source.slice(start, end).replace(/^[^=]*=/, "")}`;
  const rest = source.slice(0, start) + source.slice(end + 1);
  return rest.includes(`[${table}]\n`) ? rest.replace(`[${table}]\n`, (header) => `${header}${line}\n`) : `${rest}\n[${table}]\n${line}\n`;
}

function insertAfterLine(source: string, offset: number, line: string): string {
  const end = source.indexOf("\n", offset);
  return `${source.slice(0, end + 1)}${line}\n${source.slice(end + 1)}`;
}

function offsetOf(source: string, { line, column }: Problem): number {
  const before = source.split("\n").slice(0, line - 1);
  return before.reduce((sum, text) => sum + text.length + 1, 0) + column - 1;
}

/** The text with the advice taken; `undefined`: the problem says nothing that can be taken as it stands. */
function taken(source: string, problem: Problem): string | undefined {
  for (const [said, take] of takers) {
    const [, ...words] = said.exec(problem.message) ?? [];
    if (words.length > 0) return take(source, offsetOf(source, problem), words);
  }
  return undefined;
}

const count = (problems: readonly Problem[], { key, message }: Problem) =>
  problems.filter((problem) => problem.key === key && problem.message === message).length;

const cases = ["bad-configs", "config-warnings"].flatMap((folder) =>
  readdirSync(join(import.meta.dirname, folder))
    .filter((name) => name.endsWith(".toml"))
    .flatMap((name) => {
      const source = readFileSync(join(import.meta.dirname, folder, name), "utf8");
      const problems = problemsOf(source);
      return problems.flatMap((problem) => {
        const text = taken(source, problem);
        return text === undefined ? [] : [{ place: `${name}:${problem.line}`, message: problem.message, problem, problems, text }];
      });
    }),
);

it("there is advice of each kind", () => {
  expect(takers.filter(([said]) => !cases.some(({ message }) => said.test(message)))).toEqual([]);
});

it.each(cases)("$place: $message", ({ problem, problems, text }) => {
  const left = problemsOf(text);
  expect(left.filter(({ message }) => message.startsWith("not valid TOML"))).toEqual([]);
  expect(count(left, problem), text).toBeLessThan(count(problems, problem));
});
