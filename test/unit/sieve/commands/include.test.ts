// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how scripts name variables
import { describe, expect, it } from "vitest";
import { compileScript } from "../../../../src/sieve/compile/compile-scripts.ts";
import { errorsOf, played } from "../../../support/script-run.ts";
import { vocabularyOf } from "../../../support/script-world.ts";

const scripts = new Map([
  ["refuse", 'reject "No.";'],
  ["stops", "stop;"],
  ["returns", 'return; reject "No.";'],
  ["returns-in-loop", 'while "1" { return; }'],
  ["counts", 'global "n"; set "n" "${n}1"; set "mine" "${mine}x"; set "global.mine" "${mine}";'],
  ["matches", 'set "global.m" "[${1}]"; if string :matches "xy" "x*" { keep; }'],
  ["broken", 'keep;\nset "a";'],
  ["a", 'include "b";'],
  ["b", 'include "c";'],
  ["c", "keep;"],
  ["ring-1", 'include "ring-2";'],
  ["ring-2", '\ninclude :optional "Ring-1";'],
  ["main-again", 'include "main";'],
  ["fails", '\n error "broken";'],
]);
const vocabulary = { scripts };

describe("include", () => {
  it.each<[source: string, outcome: string]>([
    ['include "refuse";', "reject 550 5.7.1 No."],
    ['include "REFUSE";', "reject 550 5.7.1 No."],
    ['include :personal "refuse"; include :global "c";', "accept"],
    ['include "stops"; reject "a";', "accept"],
    ['include "returns"; reject "a";', "reject 550 5.7.1 a"],
    ['include "returns-in-loop"; reject "a";', "reject 550 5.7.1 a"],
    ['while "1" { include "returns"; reject "a"; break; }', "reject 550 5.7.1 a"],
    ['include :optional "nothing"; reject "a";', "reject 550 5.7.1 a"],
    ['include "counts"; include "counts"; reject "${global.n},${global.mine},${mine}";', "reject 550 5.7.1 11,x,"],
    ['include :once "counts"; include :once "counts"; reject "${global.n}";', "reject 550 5.7.1 1"],
    ['include "counts"; include :once "counts"; reject "${global.n}";', "reject 550 5.7.1 1"],
    ['if string :matches "ab" "a*" { include "matches"; } reject "${1}${global.m}";', "reject 550 5.7.1 b[]"],
    ['global ["a", "b"]; set "a" "1"; set "global.b" "2"; reject "${global.a}${b}${global.c}";', "reject 550 5.7.1 12"],
    ['include "fails";', "accept; failure fails:2:2: broken"],
    ['include "c";\nerror "x";', "accept; failure 2:1: x"],
  ])("%s", async (source, outcome) => {
    expect(await played(source, { vocabulary })).toBe(outcome);
  });

  it("nests as deep as allowed", async () => {
    const allowing = (nestedIncludes: number) => ({ scripts, limits: { nestedIncludes } });
    expect(await played('include "a";', { vocabulary: allowing(3) })).toBe("accept");
    const message = "includes are nested deeper than sieve.trusted.limits.nested-includes allows (2).";
    expect(errorsOf('include "a";', allowing(2))).toEqual([`b:1:9: ${message}`]);
    // It is the same when the inner ones are compiled already.
    expect(errorsOf('include "b"; include "a";', allowing(2))).toEqual([`a:1:9: ${message}`]);
    expect(errorsOf('include "c"; include "b"; include "a";', allowing(2))).toEqual([`a:1:9: ${message}`]);
  });

  it.each<[source: string, errors: string[]]>([
    ['include "nothing";', ['1:9: there is no script "nothing". Add it to [sieve.trusted.scripts], or include it :optional.']],
    ['include "${a}";', ["1:9: which script is included must be known at load. Write its name without variables."]],
    ['include "broken"; nonsense;', ['1:19: unknown command "nonsense".', 'broken:2:1: "set" takes 2 arguments (name, value), not 1.']],
    ['include "ring-1";', ['ring-2:2:19: the script "ring-1" includes itself: ring-1 includes ring-2 includes ring-1.']],
    ['include "main-again";', ['main-again:1:9: the script "main" includes itself: main includes main-again includes main.']],
    ['include :global :personal "c";', ['1:17: ":global" and ":personal" exclude each other. Remove one.']],
    ['set "a" "1"; global "a";', ['1:21: "a" is a local variable already. Write global "a" before its first use.']],
    [
      'global "a.b";',
      ['1:8: "a.b" is not the name of a variable. A name is letters, digits and underscores, and does not begin with a digit.'],
    ],
  ])("%s", (source, errors) => {
    expect(errorsOf(source, vocabulary)).toEqual(errors);
  });

  it.each(['while "1" {', "if true {"])("however deep blocks and includes may nest, the stack holds: %s", async (open) => {
    const limits = { nestedBlocks: 1e6, nestedTests: 1e6, nestedIncludes: 1e6, instructions: 1e6 };
    const nested = (blocks: number, includes: number) => {
      const within = (at: number) => (at < includes ? `include "${at + 1}";` : 'error "reached";');
      const source = (at: number) => open.repeat(blocks) + within(at) + "}".repeat(blocks);
      return [source(0), new Map(Array.from({ length: includes }, (_, at) => [String(at + 1), source(at + 1)]))] as const;
    };
    const [deep, others] = nested(100, 8);
    expect(await played(deep, { vocabulary: { scripts: others, limits } })).toContain("reached");
    const [tooDeep, more] = nested(100, 100);
    const [error] = errorsOf(tooDeep, { scripts: more, limits });
    expect(error).toContain("nested deeper than 1000 together");
  });

  it("after an included script, a failure is where the outer one is", async () => {
    const within = new Map([["c", "\n\n\n\n          keep;"]]);
    const outer = 'while "1" {\n include "c"; }';
    for (let instructions = 1; instructions < 60; instructions++) {
      expect(await played(outer, { vocabulary: { scripts: within, limits: { instructions } } })).toMatch(/failure (?:1:1|2:2|c:5:11): /);
    }
  });

  it("how deep scripts go that include each other once is found out when they run", async () => {
    const ring = new Map([
      ["a", 'include :once "b";'],
      ["b", 'include :once "c";'],
      ["c", 'include :once "a"; reject "reached";'],
      ["d", 'include "c";'],
    ]);
    const source = 'if false { include "a"; } include "d";';
    expect(await played(source, { vocabulary: { scripts: ring, limits: { nestedIncludes: 4 } } })).toBe("reject 550 5.7.1 reached");
    expect(await played(source, { vocabulary: { scripts: ring, limits: { nestedIncludes: 3 } } })).toBe(
      "accept; failure a:1:1: includes are nested deeper than sieve.trusted.limits.nested-includes allows",
    );
  });

  it("each script is compiled once", () => {
    let asked = 0;
    const source = (name: string) => {
      asked += 1;
      return scripts.get(name);
    };
    const { script } = compileScript("main", 'include "a"; include "b"; include "a"; include "c";', { ...vocabularyOf(), source });
    expect(script).toBeDefined();
    expect(asked).toBe(3);
  });
});

it("what a script may set of the envelope is known, with what it includes", () => {
  const source = 'include "x"; if false { set "envelope.from" ""; }';
  const { script } = compileScript("main", source, vocabularyOf({ scripts: new Map([["x", 'set "envelope.by_mode" "N";']]) }));
  expect(script?.sets).toEqual(new Set(["bymode", "from"]));
});
