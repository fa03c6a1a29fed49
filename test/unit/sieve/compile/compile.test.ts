// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how scripts name variables
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { capabilities } from "../../../../src/sieve/compile/capabilities.ts";
import { compileScript } from "../../../../src/sieve/compile/compile-scripts.ts";
import { runs } from "../../../support/runs.ts";
import { piece } from "../../../support/script-pieces.ts";
import { errorsOf } from "../../../support/script-run.ts";
import { surroundingsOf, vocabularyOf } from "../../../support/script-world.ts";

function warningsOf(source: string): string[] {
  const { problems } = compileScript("main", source, vocabularyOf());
  return problems.flatMap(({ severity, line, column, message }) => (severity === "warning" ? [`${line}:${column}: ${message}`] : []));
}

describe("capabilities", () => {
  it("each that exists can be required", () => {
    const { script, problems } = compileScript(
      "main",
      `require [${[...capabilities].map((name) => `"${name}"`).join(", ")}];`,
      vocabularyOf(),
    );
    expect(problems).toEqual([]);
    expect(script).toBeDefined();
  });

  it("what is used without require is a warning, once for each", () => {
    const source = 'require "reject"; reject "a"; set "a" "${a}"; set "b" "c"; set :quoteregex "d" "e";';
    expect(warningsOf(source)).toEqual([
      '1:31: "set" is used without require "variables". Add that at the top of the script.',
      '1:64: ":quoteregex" is used without require "regex". Add that at the top of the script.',
    ]);
  });

  it("or an error, where they are checked; ihave counts as require", () => {
    const strict = { mustRequire: true };
    expect(errorsOf('reject "a"; set "a" "b"; set "b" "c";', strict)).toEqual([
      '1:1: "reject" is used without require "reject". Add that at the top of the script.',
      '1:13: "set" is used without require "variables". Add that at the top of the script.',
    ]);
    expect(errorsOf('require "ihave"; if ihave ["reject", "variables"] { set "a" "b"; reject "a"; }', strict)).toEqual([]);
  });

  it.each<[source: string, error: string]>([
    ['require "relatonal";', '1:9: unknown capability "relatonal". Did you mean "relational"?'],
    ['require ["reject", "fileinto"];', '1:20: "fileinto" needs a message, and there is no message yet at these stages. Remove it.'],
    ['require "vnd.stalwart.plugins";', '1:9: unknown capability "vnd.stalwart.plugins". What it was for is in "vnd.stalwart.execute".'],
    ['require "planet";', '1:9: unknown capability "planet". Remove it, or ask for it by ihave.'],
    ['keep; require "reject";', '1:7: "require" must come before all other commands. Put it at the top of the script.'],
    ['if true { require "reject"; }', '1:11: "require" must come before all other commands. Put it at the top of the script.'],
  ])("%s", (source, error) => {
    expect(errorsOf(source)).toEqual([error]);
  });
});

describe("arguments", () => {
  it.each<[source: string, errors: string[]]>([
    ["reject;", ['1:1: "reject" takes 1 argument (reason), not 0.']],
    ['reject "a" "b";', ['1:12: "reject" takes 1 argument (reason), not 2.']],
    ['reject ["a"];', ['1:8: the reason of "reject" must be a string, not a list.']],
    ["reject 1;", ['1:8: the reason of "reject" must be a string, not a number.']],
    ["keep :flags;", ['1:6: "keep" has no tag ":flags". It takes none.']],
    ['set :lowre "a" "b";', ['1:5: "set" has no tag ":lowre". Did you mean ":lower"?']],
    ['set "a" :lower "b";', ['1:9: ":lower" must come before the arguments without a tag.']],
    ["require [];", ['1:9: the list of capabilities of "require" is an empty list. Put a string into it.']],
    ["keep stop;", ['1:6: "keep" takes no test. Is there a ";" missing before "stop"?']],
    ["keep {}", ['1:1: "keep" takes no block. Is there a ";" missing after it?']],
    ["if true;", ['1:1: "if" needs a block in braces.']],
    ["if { keep; }", ['1:1: "if" needs a test.']],
    ["if (true) { keep; }", ['1:5: "if" takes one test, not a list. Remove the parentheses.']],
    ["if anyof true { keep; }", ['1:10: the tests of "anyof" are a list. Put them into parentheses.']],
    [
      "elsif true {} else {}",
      [
        '1:1: "elsif" has no "if" before it. It follows the block of an if or elsif.',
        '1:15: "else" has no "if" before it. It follows the block of an if or elsif.',
      ],
    ],
    ["if true {} else {} elsif true {}", ['1:20: "elsif" comes after "else". Put it before, or begin a new if.']],
    ["if true {} else if true {}", ['1:17: "else if" is one word here. Write elsif.']],
    ["kep;", ['1:1: unknown command "kep". Did you mean "keep"?']],
    ["if tru { kep; }", ['1:4: unknown test "tru". Did you mean "true"?', '1:10: unknown command "kep". Did you mean "keep"?']],
    ["if keep { true; }", ['1:4: "keep" is a command, not a test.', '1:11: "true" is a test, not a command. Write it after if.']],
    [
      'redirect "a@b";',
      ['1:1: "redirect" needs a message, and there is no message yet at these stages. Use set "envelope.to" "…" to change the recipient.'],
    ],
    ["if hasflag { keep; }", ['1:4: "hasflag" needs a message, and there is no message yet at these stages. Remove it.']],
  ])("%s", (source, errors) => {
    expect(errorsOf(source)).toEqual(errors);
  });
});

describe("bounds", () => {
  it("of errors, beyond which nobody reads on", () => {
    const errors = errorsOf("nonsense;\n".repeat(500));
    expect(errors.length).toBe(101);
    expect(errors.at(-2)).toBe('100:1: unknown command "nonsense".');
    expect(errors.at(-1)).toBe("100:1: There may be more errors. Fix these first.");
  });

  it("of a script, in octets", () => {
    const vocabulary = { limits: { scriptSize: 9 } };
    expect(errorsOf("stop; # é", vocabulary)).toEqual(["1:1: it is longer than sieve.trusted.limits.script-size allows (9 octets)."]);
    expect(errorsOf("stop; # e", vocabulary)).toEqual([]);
  });
});

it("any text compiles or has problems, which lie within it", () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const source = pieces.join(" ");
      const { script, problems } = compileScript("main", source, vocabularyOf({ scripts: new Map([["a", "keep;"]]) }));
      const lines = source.split("\n");
      for (const { line, column, message } of problems) {
        expect(lines.length).toBeGreaterThanOrEqual(line);
        expect((lines[line - 1] ?? "").length).toBeGreaterThanOrEqual(column - 1);
        expect(message).not.toBe("");
      }
      expect(script === undefined).toBe(problems.some(({ severity }) => severity === "error"));
    }),
    { numRuns: runs(500) },
  );
});

const scriptNames = ["first", "second", "third"];

/** Any commands but those that ask; `at` is the place of the script in the list, as it may include only later ones. */
function block(at: number, depth: number, isInLoop: boolean): fc.Arbitrary<string> {
  const plain = [
    fc.constantFrom(
      "keep;",
      "discard;",
      "stop;",
      "return;",
      'reject "a";',
      'reject "${x}";',
      'error "e";',
      'let "n" "n + 1";',
      'set "x" "${x}a${x}";',
      'set :upper "x" "${n}${global.g}";',
    ),
    fc.constantFrom(
      'set "global.g" "${x}b";',
      'set "envelope.to" "${x}@b.example";',
      'set :replace "a" "${x}" "x" "${x}";',
      'if string :matches "${x}" "*a*a*" { set "x" "${2}"; }',
    ),
    ...(isInLoop ? [fc.constantFrom("break;", "continue;")] : []),
    ...(at + 1 < scriptNames.length ? [fc.constantFrom(...scriptNames.slice(at + 1)).map((name) => `include "${name}";`)] : []),
  ];
  const nested =
    depth === 0
      ? []
      : [
          fc
            .tuple(fc.constantFrom("1", "n < 5", "x == ''"), block(at, depth - 1, true))
            .map(([condition, body]) => `while "${condition}" { ${body} }`),
          fc
            .tuple(
              fc.constantFrom("true", "false", 'string "${x}" "a"', 'not eval "n > 3"'),
              block(at, depth - 1, isInLoop),
              block(at, depth - 1, isInLoop),
            )
            .map(([test, one, other]) => `if ${test} { ${one} } elsif true { ${other} } else { keep; }`),
        ];
  return fc.array(fc.oneof(...plain, ...nested), { maxLength: 5 }).map((commands) => commands.join(" "));
}

it("any script within the limits ends, with one of three outcomes", async () => {
  const sources = fc.tuple(block(0, 3, false), block(1, 2, false), block(2, 2, false));
  const instructions = 3000;
  await fc.assert(
    fc.asyncProperty(sources, async ([main, second, third]) => {
      const scripts = new Map([
        ["second", `let "n" "0"; set "x" ""; ${second}`],
        ["third", `let "n" "0"; set "x" ""; ${third}`],
      ]);
      const vocabulary = vocabularyOf({ scripts, limits: { instructions } });
      const { script, problems } = compileScript("first", `let "n" "0"; set "x" ""; ${main}`, vocabulary);
      expect(problems.filter(({ severity }) => severity === "error")).toEqual([]);
      let steps = 0;
      const world = { lists: new Map(), sql: [], dns: new Map(), declaredSize: 0, now: 0, envelope: {}, environment: new Map() };
      const trace = () => {
        steps += 1;
      };
      const outcome = await script?.run({ ...surroundingsOf(world, false), trace });
      expect(["accept", "discard", "reject"]).toContain(outcome?.action.kind);
      expect(steps).toBeLessThanOrEqual(instructions);
    }),
    { numRuns: runs(150) },
  );
});
