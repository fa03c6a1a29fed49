/** What is known when a script is loaded is worked out then, and not again by any run. */
import { beforeEach, expect, it, vi } from "vitest";
import { compileExpression } from "../../../../src/expr/compile.ts";
import { compileScript } from "../../../../src/sieve/compile/compile-scripts.ts";
import { parseWildcard } from "../../../../src/sieve/match/wildcard.ts";
import { parseScript } from "../../../../src/sieve/syntax/parser.ts";
import { compilePattern } from "../../../../src/text/pattern.ts";
import { surroundingsOf, vocabularyOf } from "../../../support/script-world.ts";

/** The module as it is, each of its functions counted. */
async function counted<Module extends object>(original: () => Promise<Module>) {
  const functions = Object.entries(await original()).map(([name, value]) => [name, typeof value === "function" ? vi.fn(value) : value]);
  return Object.fromEntries(functions);
}

vi.mock("../../../../src/expr/compile.ts", counted);
vi.mock("../../../../src/sieve/syntax/parser.ts", counted);
vi.mock("../../../../src/sieve/match/wildcard.ts", counted);
vi.mock("../../../../src/text/pattern.ts", async (original) => {
  const module: typeof import("../../../../src/text/pattern.ts") = await original();
  return { ...module, compilePattern: vi.fn(module.compilePattern) };
});

const counts = () => ({
  scripts: vi.mocked(parseScript).mock.calls.length,
  expressions: vi.mocked(compileExpression).mock.calls.length,
  patterns: vi.mocked(compilePattern).mock.calls.length,
  wildcards: vi.mocked(parseWildcard).mock.calls.length,
});

beforeEach(() => {
  vi.clearAllMocks();
});

const world = {
  environment: new Map(),
  envelope: { from: "jane@sender.example", to: "john.doe@example.org" },
  lists: new Map(),
  sql: [],
  dns: new Map(),
  declaredSize: 0,
  now: 0,
};

async function afterRuns(source: string) {
  const scripts = new Map([["shared", `if envelope :matches "to" "*@example.org" { set "a" "\${1}"; }`]]);
  const { script } = compileScript("test", source, vocabularyOf({ scripts }));
  if (script === undefined) throw new Error("it did not compile");
  const loaded = counts();
  for (let run = 0; run < 5; run++) expect((await script.run(surroundingsOf(world, false))).failure).toBeUndefined();
  return { loaded, after: counts() };
}

it("nothing is compiled by a run", async () => {
  const { loaded, after } = await afterRuns(`
    if envelope :matches "from" ["*@spammer.example", "bulk-*@*"] { stop; }
    if envelope :regex "to" "^([^.]+)\\\\.(.+)$" { set "b" "\${2}"; }
    include "shared";
    let "i" "0";
    while "i < 3" { let "i" "i + count_chars('a')"; }
    if eval "matches('^j', envelope.to) && i == 3" { keep; }
  `);
  expect(loaded).toEqual({ scripts: 2, expressions: 4, patterns: 2, wildcards: 3 });
  expect(after).toEqual(loaded);
});

it("but what a variable makes is", async () => {
  const { loaded, after } = await afterRuns(`
    set "name" "john";
    if envelope :matches "to" "\${name}.*" { keep; }
    if envelope :regex "to" "^\${name}" { keep; }
  `);
  expect(loaded).toEqual({ scripts: 1, expressions: 0, patterns: 0, wildcards: 0 });
  expect(after).toEqual({ scripts: 1, expressions: 0, patterns: 5, wildcards: 5 });
});
