// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how scripts name variables
/** Expressions in scripts: where their errors are, what they cost, what they keep. What they mean is in suite/. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TemporaryError } from "../../../../src/answer/temporary-error.ts";
import { compileScript } from "../../../../src/sieve/compile/compile-scripts.ts";
import type { Limits } from "../../../../src/sieve/limits.ts";
import type { ScriptOutcome, ScriptSurroundings } from "../../../../src/sieve/script.ts";
import { runs } from "../../../support/runs.ts";
import { surroundingsOf, vocabularyOf, type World } from "../../../support/script-world.ts";

const world: World = {
  environment: new Map([["helo_domain", "mx.sender.example"]]),
  envelope: { from: "jane@sender.example", to: "john@example.org", bymode: "R" },
  lists: new Map(),
  sql: ["CREATE TABLE t (a text, n integer)", "INSERT INTO t VALUES ('one', 1), ('two', 2)"],
  dns: new Map(),
  declaredSize: 0,
  now: 0,
};

function compile(source: string, limits: Partial<Limits> = {}) {
  return compileScript("test", source, vocabularyOf({ limits }));
}

async function run(source: string, changes: Partial<ScriptSurroundings> = {}, limits: Partial<Limits> = {}): Promise<ScriptOutcome> {
  const { script, problems } = compile(source, limits);
  if (script === undefined) throw new Error(JSON.stringify(problems));
  return script.run({ ...surroundingsOf(world, false), ...changes });
}

/** What a condition of an expression is, said by an outcome. */
async function holds(before: string, condition: string): Promise<boolean> {
  const { action, failure } = await run(`${before} if eval "${condition}" { discard; }`);
  if (failure) throw new Error(failure.message);
  return action.kind === "discard";
}

const errorsOf = (source: string) =>
  compile(source)
    .problems.filter(({ message }) => !message.includes("without require"))
    .map(({ severity, line, column, message }) => `${severity === "warning" ? "w " : ""}${line}:${column} ${message}`);

describe("errors", () => {
  it.each<[source: string, problem: string]>([
    ['eval "1 + nothing";', `1:11 unknown variable "nothing". Text needs inner quotes: "'nothing'".`],
    ['set "colour" "x"; eval "colours";', '1:25 unknown variable "colours". Did you mean "colour"?'],
    ['let "a" "1 +\n  b";', `2:3 unknown variable "b". Text needs inner quotes: "'b'".`],
    // With an escape before it the place is that of the string.
    ['let "a" "len(\\"x\\") + b";', `1:9 unknown variable "b". Text needs inner quotes: "'b'".`],
    ['let "a" "b + len(\\"x\\")";', `1:10 unknown variable "b". Text needs inner quotes: "'b'".`],
    ['let "a" text:\n1 + b\n.\n;', `1:9 unknown variable "b". Text needs inner quotes: "'b'".`],
    ['eval "${nothing} + 1";', `1:9 unknown variable "nothing". Text needs inner quotes: "'nothing'".`],
    ['eval "env.asn";', '1:7 "env.asn" is not known to this version.'],
    ['eval "env.helo_domian";', '1:7 unknown variable "env.helo_domian". Did you mean "env.helo_domain"?'],
    ['eval "envelope.form";', '1:7 unknown variable "envelope.form". Did you mean "envelope.from"?'],
    ["eval \"domain_part(env.helo_domain, 'top')\";", "1:36 domain_part takes one of 'sld', 'tld', 'host' here."],
    ["eval \"dns_query(env.helo_domain, 'mxx')\";", '1:34 "mxx" is not a DNS record type that can be queried. Did you mean "mx"?'],
    [
      "eval \"query('', 'SELECT 1 FROM t WHERE a = ' + env.helo_domain, [])\";",
      "1:17 the SQL statement must be one text in quotes. Write ? where a value goes, and the values in the list.",
    ],
    [
      "eval \"query('', 'SELECT ?', [])\";",
      "1:17 the SQL statement has 1 placeholder, but 0 values are given. Give one value for each ? or $n.",
    ],
    ["eval \"query('pgg', 'SELECT 1', [])\";", "1:13 unknown store \"pgg\". Define it, or use '' for the default."],
    [
      'let "x" "1"; eval "\'${x}\' == \'1\'";',
      'w 1:21 "${x}" within the quotes of an expression stays as it is. Write x without quotes, and join texts with +.',
    ],
  ])("%s", (source, problem) => {
    expect(errorsOf(source)[0]).toBe(problem);
  });

  it("SQL with variables in it is one", () => {
    expect(errorsOf('let "x" "1"; eval "sql_query(\'\', \'SELECT ${x}\', [])";')).toContainEqual(
      expect.stringMatching(/^1:34 the SQL statement contains variables/),
    );
  });
});

describe("values", () => {
  it.each<[before: string, condition: string]>([
    ['let "count" "5";', "count + 1 == 6 && count('x') == 1"],
    ['let "N" "1";', "n == 1 && N == 1"],
    ["", "envelope.by_mode == 'R' && envelope.bymode == 'R' && Envelope.From == 'jane@sender.example'"],
    ["", "domain_part('a.b.example.co.uk', 'sld') == 'example.co.uk'"],
    ["", "domain_part('a.b.example.co.uk', 'tld') == 'co.uk' && domain_part('a.b.example', 'host') == 'a'"],
    ["", "domain_part('', 'sld') == '' && domain_part('a', 'host') == ''"],
    ['if string :matches "a.b" "*.*" {}', "$1 == 'a' && ${2} == 'b' && $3 == ''"],
    // Captures of the expression itself come first, and those of a failed match are empty.
    ['if string :matches "a.b" "*.*" {}', "$1 == 'a' && matches('(x)', 'x') && $1 == 'x'"],
    ['if string :matches "a.b" "*.*" {}', "(matches('(x)', 'y') || 1) && $1 == ''"],
    ['if string :matches "a.b" "*.*" {} eval "matches(\'(x)\', \'x\')";', "$1 == 'a'"],
    ['let "a" "[1, [2, [3]]]";', "a[1][1][0] == 3"],
    ["let \"r\" \"query('', 'SELECT a, n FROM t ORDER BY n', [])\";", "r[1][0] == 'two' && count(r) == 2"],
    ['query :set ["a", "n"] "SELECT a, n FROM t WHERE n = 2";', "a == 'two' && n == 2 && is_number(n)"],
    ['set "a" "former"; query :set ["a"] "SELECT a FROM t WHERE n = 9";', "a == ''"],
  ])("%s %s", async (before, condition) => {
    expect(await holds(before, condition)).toBe(true);
    expect(await holds(before, `!(${condition})`)).toBe(false);
  });

  it("a text that doubles is cut, and so is an array", async () => {
    const double = 'let "i" "0"; while "i < 40" { let "a" "a + a"; let "i" "i + 1"; }';
    const limits = { variableSize: 1000, instructions: 100_000 };
    expect(await run(`set "a" "xy"; ${double} if eval "len(a) == 1000" { discard; }`, {}, limits)).toEqual({
      action: { kind: "discard" },
      changes: [],
    });
    // An element counts as one more than what it holds.
    expect(await run(`let "a" "['x']"; ${double} if eval "count(a) == 500" { discard; }`, {}, limits)).toEqual({
      action: { kind: "discard" },
      changes: [],
    });
  });

  it("arrays within arrays do not grow without end", async () => {
    const nest = 'let "i" "0"; while "i < 100" { let "a" "[a, a]"; let "b" "[b, b]"; let "i" "i + 1"; }';
    const { failure } = await run(`let "a" "1"; let "b" "1"; ${nest} eval "a == b"; eval "contains(a, b)";`);
    expect(failure).toBe(undefined);
  });
});

describe("cost", () => {
  it("long values cost more than short ones", async () => {
    const loop = 'let "i" "0"; while "i < 100" { eval "len(x)"; let "i" "i + 1"; }';
    const limits = { instructions: 2000 };
    expect((await run(`set "x" "short"; ${loop}`, {}, limits)).failure).toBe(undefined);
    const long = new Map([["helo_domain", "y".repeat(60_000)]]);
    const outcome = await run(`set "x" "\${env.helo_domain}"; ${loop}`, { environment: (name) => long.get(name) }, limits);
    expect(outcome.failure?.message).toMatch(/instructions/);
  });

  it("a match costs what its pattern takes for its text", async () => {
    const environment = () => "a".repeat(1000);
    const matching = (pattern: string) =>
      run(`if eval "matches('${pattern}', env.helo_domain)" { discard; }`, { environment }, { instructions: 5000 });
    expect((await matching("^a+$")).action.kind).toBe("discard");
    expect((await matching("(a{1,400})b")).failure?.message).toMatch(/instructions/);
  });

  it("asking costs: a loop that asks ends", async () => {
    let asked = 0;
    const { ask } = surroundingsOf(world, true);
    const counting = { ...ask, keyGet: () => Promise.resolve(void asked++) };
    const outcome = await run(`while "1" { eval "key_exists('', 'x')"; }`, { ask: counting }, { instructions: 10_000 });
    expect(outcome.failure?.message).toMatch(/instructions/);
    expect(asked).toBeGreaterThan(50);
    expect(asked).toBeLessThan(100);
  });

  it("a loop lets others go on, however it is nested", async () => {
    for (const source of [
      'while "1" { }',
      'while "1" { let "i" "0"; while "i < 3" { let "i" "i + 1"; } }',
      'while "1" { if true { continue; } }',
    ]) {
      let breaths = 0;
      await run(source, { yieldToLoop: () => Promise.resolve(void breaths++) }, { instructions: 50_000 });
      expect(breaths).toBeGreaterThan(20);
      expect(breaths).toBeLessThan(60);
    }
  });

  it("a short loop never leaves the turn", () => {
    const { script } = compile('let "i" "0"; while "i < 20" { let "i" "i + 1"; }');
    expect(script?.run(surroundingsOf(world, false))).not.toBeInstanceOf(Promise);
  });
});

describe("sources that cannot tell", () => {
  const down = () => {
    throw new TemporaryError("down");
  };
  it.each<[source: string]>([
    [`if not eval "query('', 'SELECT 1', [])" { discard; }`],
    ['if not query "SELECT 1" { discard; }'],
    ["if not eval \"key_exists('', 'x')\" { discard; }"],
    ['query "DELETE FROM t"; discard;'],
  ])("%s stops there", async (source) => {
    const { ask } = surroundingsOf(world, false);
    for (const late of [down, () => Promise.resolve().then(down)]) {
      const outcome = await run(`set "envelope.to" "a@b.example"; ${source}`, { ask: { ...ask, sqlQuery: late, keyGet: late } });
      expect(outcome).toMatchObject({
        action: { kind: "accept" },
        changes: [{ part: "to", value: "a@b.example" }],
        failure: { message: "down", cause: expect.any(TemporaryError) },
      });
    }
  });

  it("what is a bug stays one", async () => {
    const { ask } = surroundingsOf(world, false);
    const broken = () => {
      throw new RangeError("a bug");
    };
    await expect(run("eval \"dns_exists('a.example', 'mx')\";", { ask: { ...ask, dnsQuery: broken } })).rejects.toThrow(RangeError);
  });
});

it("literal statements are collected with their places", () => {
  const { script } = compile(
    `query "INSERT INTO t (a) VALUES (?)" ["x"];
if query :use "embedded" "SELECT 1" { stop; }
if execute :query "SELECT 2" { stop; }
let "a" "query('', 'SELECT 3', []) + sql_query('embedded', 'SELECT 4', [])";`,
  );
  expect(script?.statements.map(({ store, sql, script, line, column }) => [store, sql, script, line, column])).toEqual([
    ["", "INSERT INTO t (a) VALUES (?)", "test", 1, 7],
    ["embedded", "SELECT 1", "test", 2, 26],
    ["", "SELECT 2", "test", 3, 19],
    ["", "SELECT 3", "test", 4, 9],
    ["embedded", "SELECT 4", "test", 4, 9],
  ]);
});

it("any text as an expression compiles, or is an error with its place inside", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.string({ unit: fc.constantFrom("'", '"', "$", "{", "}", "a", "\\", "1", ".", " ", "(", ")") }),
  );
  fc.assert(
    fc.property(text, (expression) => {
      const source = `eval "${expression.replace(/[\\"]/g, "\\$&")}";`;
      const lines = source.split("\n");
      for (const { line, column } of compile(source).problems) expect(column).toBeLessThanOrEqual((lines[line - 1] ?? "").length + 1);
    }),
    { numRuns: runs(500) },
  );
});
