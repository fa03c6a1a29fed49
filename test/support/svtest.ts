/** Reads `*.svtest` files (unit/sieve/suite/README.md): the tests of one file, and the scripts that they include. */

export interface Directive {
  /** Without its `test_`. */
  readonly word: string;
  readonly texts: readonly string[];
}

export interface SieveTest {
  readonly name: string;
  readonly line: number;
  /** On the same lines as in the file. */
  readonly source: string;
  readonly directives: readonly Directive[];
}

export interface SieveTestFile {
  readonly tests: readonly SieveTest[];
  readonly scripts: ReadonlyMap<string, string>;
  /** Of all tests of the file. */
  readonly directives: readonly Directive[];
}

/** A `test_fail` rejects with this, followed by its text. */
export const failed = "599 5.9.9 test_fail: ";

const opening = /^(test|script) "(.*)" \{$/;
const directive = /^\s*test_(set|list|sql|dns|dns_fails|limit|outcome|change|failure|error)((?: "(?:[^"\\]|\\.)*")+);$/;

export function parseSieveTests(text: string): SieveTestFile {
  const prologue: string[] = [];
  const tests: SieveTest[] = [];
  const scripts = new Map<string, string>();
  let open: { kind: string; name: string; line: number; source: string[]; directives: Directive[] } | undefined;
  for (const [index, line] of text.split("\n").entries()) {
    const begins = opening.exec(line);
    if (begins) {
      if (open !== undefined) throw new Error(`line ${index + 1}: ${open.kind} "${open.name}" has no end`);
      const [, kind = "", name = ""] = begins;
      const blank = Array.from({ length: index + 1 - prologue.length }, () => "");
      open = { kind, name, line: index + 1, source: [...prologue, ...blank], directives: [] };
    } else if (open === undefined) {
      if (line !== "" && tests.length + scripts.size > 0) throw new Error(`line ${index + 1}: between two tests`);
      if (line !== "") prologue[index] = line;
    } else if (line === "}") {
      const { kind, name, source, directives } = open;
      if (kind === "script") scripts.set(name, source.join("\n"));
      else tests.push({ name, line: open.line, source: source.join("\n"), directives });
      open = undefined;
    } else {
      const found = directive.exec(line);
      if (found) open.directives.push({ word: found[1] ?? "", texts: textsOf(found[2] ?? "") });
      else if (/^\s*test_(?!fail ")/.test(line)) throw new Error(`line ${index + 1}: ${line.trim()} is not in suite/README.md`);
      open.source.push(found ? "" : line.replace(/test_fail "([^"]*)";/g, `reject "${failed}$1"; stop;`));
    }
  }
  if (open !== undefined) throw new Error(`${open.kind} "${open.name}" has no end`);
  return { tests, scripts, directives: tests.flatMap((test) => test.directives) };
}

function textsOf(quoted: string): string[] {
  return [...quoted.matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(([, text = ""]) => text.replace(/\\(.)/g, "$1"));
}
