// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how scripts name variables
import { describe, expect, it } from "vitest";
import { TemporaryError } from "../../../../src/answer/temporary-error.ts";
import { compileScript } from "../../../../src/sieve/compile/compile-scripts.ts";
import { errorsOf, played } from "../../../support/script-run.ts";
import { surroundingsOf, vocabularyOf } from "../../../support/script-world.ts";

describe("what comes of it", () => {
  it.each<[source: string, outcome: string]>([
    ["", "accept"],
    ["keep;", "accept"],
    ["discard;", "discard"],
    ["discard; keep;", "accept"],
    ["keep; discard;", "accept"],
    ['reject "No.";', "reject 550 5.7.1 No."],
    ['ereject "No.";', "reject 550 5.7.1 No."],
    ['reject "One."; reject "Two.";', "reject 550 5.7.1 Two."],
    ['reject "No."; keep;', "accept"],
    ['keep; reject "No.";', "reject 550 5.7.1 No."],
    ['discard; reject "No.";', "reject 550 5.7.1 No."],
    ['reject "No."; discard;', "reject 550 5.7.1 No."],
    ['keep; reject "No."; keep; discard;', "accept"],
    ['stop; reject "No.";', "accept"],
    ['return; reject "No.";', "accept"],
    ['if true { stop; } reject "No.";', "accept"],
    ['error "Broken\r\nhere."; discard;', "accept; failure 1:1: Broken here."],
    ['discard; error "x";', "accept; failure 1:10: x"],
    ['reject "No."; keep; error "x";', "accept; failure 1:21: x"],
    ['reject "No.";\n  if true { error "x"; }', "reject 550 5.7.1 No.; failure 2:13: x"],
    ['set "envelope.to" "a@b.example"; error "x"; set "envelope.to" "c@b.example";', "accept to=<a@b.example>; failure 1:34: x"],
    ['if string :matches "ab" "*b" { set "a" "${1}"; } reject "${a}${b}";', "reject 550 5.7.1 a"],
  ])("%j", async (source, outcome) => {
    expect(await played(source)).toBe(outcome);
  });
});

describe("branches", () => {
  it.each<[source: string, outcome: string]>([
    ['if true { reject "a"; } elsif true { reject "b"; } else { reject "c"; }', "reject 550 5.7.1 a"],
    ['if false { reject "a"; } elsif true { reject "b"; } else { reject "c"; }', "reject 550 5.7.1 b"],
    ['if false { reject "a"; } elsif false { reject "b"; } else { reject "c"; }', "reject 550 5.7.1 c"],
    ['if false { reject "a"; } elsif false { reject "b"; }', "accept"],
    ['if ihave "nothing" { nonsense :a 1; } elsif ihave "reject" { reject "b"; } else { further nonsense; }', "reject 550 5.7.1 b"],
    ['if allof (ihave "nothing", nonsense "a") { reject "a"; } else { reject "b"; }', "reject 550 5.7.1 b"],
    ['if anyof (ihave "reject", nonsense "a") { reject "a"; }', "reject 550 5.7.1 a"],
  ])("%s", async (source, outcome) => {
    expect(await played(source)).toBe(outcome);
    // The same with a loop in it, so that it waits.
    expect(await played(`while "1" { ${source} break; }`)).toBe(outcome);
  });

  it("only what ihave closes may be nonsense", () => {
    expect(errorsOf('if ihave "reject" { nonsense; }')).toEqual(['1:21: unknown command "nonsense".']);
    expect(errorsOf("if false { nonsense; }")).toEqual(['1:12: unknown command "nonsense".']);
    expect(errorsOf('if anyof (ihave "nothing", nonsense) { keep; }')).toEqual(['1:28: unknown test "nonsense".']);
  });
});

describe("limits", () => {
  it("a run ends when its instructions are used up, where it then is", async () => {
    const vocabulary = { limits: { instructions: 5 } };
    expect(await played("keep; keep; keep; keep; keep;", { vocabulary })).toBe("accept");
    const failure = "it ran for more instructions than sieve.trusted.limits.instructions allows";
    expect(await played('discard;\nkeep; keep; reject "a"; keep; reject "b";', { vocabulary })).toBe(`accept; failure 2:31: ${failure}`);
    expect(await played('while "1" { keep; }', { vocabulary: { limits: { instructions: 10_000 } } })).toContain(failure);
  });

  it("tests cost, too", async () => {
    const vocabulary = { limits: { instructions: 4 } };
    expect(await played("if not true { keep; }", { vocabulary })).not.toContain("failure");
    expect(await played("if not not not true { keep; }", { vocabulary })).toContain("failure");
  });

  it("long texts cost more", async () => {
    const source = `set "a" "${"x".repeat(64)}"; set "b" "\${a}\${a}\${a}\${a}";`;
    expect(await played(source, { vocabulary: { limits: { instructions: 6 } } })).toBe("accept");
    expect(await played(source, { vocabulary: { limits: { instructions: 5 } } })).toContain("failure");
  });
});

describe("waiting", () => {
  const long = `set "a" "${"a".repeat(65_536)}"; `;
  const short = `set "a" "${"a".repeat(4000)}"; `;
  it.each<[source: string, waits: boolean]>([
    ['if string "a" "b" { keep; } else { include "plain"; }', false],
    ['while "0" { keep; }', false],
    ['if true { if false { while "0" { keep; } } }', false],
    ['include "loop";', false],
    ['if string :list "a" "slow" { keep; }', true],
  ])("%s", (source, waits) => {
    const scripts = new Map([
      ["plain", "keep;"],
      ["loop", 'while "0" { keep; }'],
    ]);
    const { script } = compileScript("main", source, vocabularyOf({ scripts, lists: ["slow"], waits: true }));
    const { ask } = surroundings();
    expect(script?.run({ ...surroundings(), ask: { ...ask, keyGet: async () => 1 } }) instanceof Promise).toBe(waits);
  });

  it.each([
    ["a loop runs", 'while "1" { keep; }'],
    ["scripts include others", 'include "a"; include "a";'],
    ["a loop has nothing in it", 'while "1" {}'],
    ["texts are set", long + 'set "b" "${a}";'.repeat(2000)],
    ["texts are set within a block", `${long}if true { ${'set "b" "x${a}";'.repeat(2000)} }`],
    ["texts are tested", `${long}if anyof (${Array.from({ length: 2000 }, () => 'string "${a}" "b"').join(", ")}) { keep; }`],
    ["many texts are tested", `${long}if string [${Array.from({ length: 2000 }, () => '"${a}"').join(", ")}] "b" { keep; }`],
    [
      "many keys are looked for",
      `${long}if string :contains "\${a}" [${Array.from({ length: 2000 }, (_, n) => `"${n}"`).join(", ")}] { keep; }`,
    ],
    ["an expression adds long texts", `${short}let "b" "${Array.from({ length: 2000 }, () => "a").join(" + ")}";`],
    ["an expression adds short texts to a long one", `${long}let "b" "a + ${Array.from({ length: 2000 }, () => "'b'").join(" + ")}";`],
    ["an expression calls many functions", `${long}eval "${Array.from({ length: 2000 }, () => "trim(a)").join(" == ")}";`],
    ["functions are within functions", `${long}eval "${"trim(".repeat(90)}a${")".repeat(90)}";`],
    ["an expression matches", `${short}eval "${Array.from({ length: 2000 }, () => "matches('b', a)").join(" || ")}";`],
    [
      "an expression compares texts of some length",
      `set "a" "${"a".repeat(250)}"; ${`eval "levenshtein_distance(a, a + 'b')";`.repeat(100)}`,
    ],
  ])("others get their turn while %s", async (_, source) => {
    const twenty = (name: string) => `include "${name}";`.repeat(20);
    const scripts = new Map([
      ["a", twenty("b")],
      ["b", twenty("c")],
      ["c", "keep;".repeat(100)],
    ]);
    const { script } = compileScript("main", source, vocabularyOf({ scripts, limits: { instructions: 50_000 } }));
    let breaths = 0;
    let waiting = 0;
    let mostWaiting = 0;
    const yieldToLoop = async () => {
      breaths += 1;
      waiting += 1;
      mostWaiting = Math.max(mostWaiting, waiting);
      await Promise.resolve();
      waiting -= 1;
    };
    await script?.run({ ...surroundings(), yieldToLoop });
    expect(breaths).toBeGreaterThan(20);
    // The script does not go on meanwhile.
    expect(mostWaiting).toBe(1);
  });
});

describe("faults", () => {
  it.each<[source: string, failure: string]>([
    ['if currentdate "${env.helo_domain}" "x" {}', "1:1: unknown date part "],
    ['if currentdate :zone "${env.helo_domain}" "year" "x" {}', "1:1: "],
    ['if string :value "${env.helo_domain}" "a" "b" {}', "1:1: unknown relational operator "],
    ['if string :regex "a" "${env.helo_domain}(" {}', "1:1: bad regular expression "],
    ['error "${env.helo_domain}";', "1:1: "],
  ])("what strangers put into a message is short and has no control characters: %s", async (source, failure) => {
    const environment = { helo_domain: `\u001b[31m\u009b\r\n${"x".repeat(1000)}` };
    const shown = await played(source, { environment });
    expect(shown).toContain(failure);
    expect(shown).toMatch(/^[ -~…]{20,900}$/);
  });

  it("a source that cannot tell ends the script, and is named as the cause", async () => {
    const { script } = compileScript(
      "main",
      'reject "No.";\nif string :list "a" "slow" { keep; }',
      vocabularyOf({ lists: ["slow"], waits: true }),
    );
    const cause = new TemporaryError("the source is away");
    const keyGet = () => Promise.reject(cause);
    const outcome = await script?.run({ ...surroundings(), ask: { ...surroundings().ask, keyGet } });
    expect(outcome).toMatchObject({
      action: { kind: "reject" },
      failure: { script: "main", line: 2, column: 1, message: cause.message, cause },
    });
  });

  it.each(["keep;", 'while "0" {}'])("a bug of ours is no failure of the script: %s", async (more) => {
    const { script } = compileScript("main", `${more} set "a" "\${env.now}";`, vocabularyOf());
    const environment = () => {
      throw new RangeError("a bug");
    };
    await expect(async () => await script?.run({ ...surroundings(), environment })).rejects.toThrow(RangeError);
  });
});

describe("the trace", () => {
  const source = `set :upper "a" "b";
if anyof (false, string "\${a}" "B") {
  include "other";
} else { stop; }
while "0" {}
reject "\${a}";`;

  it("tells each step, with its script and line", async () => {
    const entries: string[] = [];
    const vocabulary = { scripts: new Map([["other", "\n\nkeep;"]]) };
    await played(source, { vocabulary, trace: ({ script, line, what, answer }) => entries.push(`${script}:${line} ${what} ${answer}`) });
    expect(entries).toEqual([
      "main:1 set B",
      "main:2 false false",
      "main:2 string true",
      "main:2 anyof true",
      "main:2 if true",
      "other:3 keep ",
      "main:3 include other",
      "main:5 while false",
      "main:6 reject 550 5.7.1 B",
    ]);
  });

  it("tells what the envelope did not take", async () => {
    const answers: string[] = [];
    const sets =
      'set "a" "x"; set "envelope.to" "${a}"; let "envelope.from" "a"; set "envelope.to" "a@b.example"; set "envelope.bytimerelative" "1";';
    await played(sets, { trace: ({ answer }) => answers.push(answer) });
    expect(answers).toEqual([
      "x",
      "ignored, as it cannot be envelope.to: x",
      "ignored, as it cannot be envelope.from: x",
      "a@b.example",
      "ignored, as it cannot be envelope.bytimerelative: 1",
    ]);
  });

  it("is cut where it is long", async () => {
    const answers: string[] = [];
    await played(`set "a" "${"x".repeat(1000)}";`, { trace: ({ answer }) => answers.push(answer) });
    expect(answers).toEqual(["x".repeat(200)]);
  });
});

it("runs leave nothing behind", async () => {
  const { script } = compileScript("main", 'include :once "other"; set "a" "${a}x"; global "g"; set "g" "${g}x"; reject "${a}${g}";', {
    ...vocabularyOf({ scripts: new Map([["other", 'set "envelope.to" "a@b.example";']]) }),
  });
  const first = await script?.run(surroundings());
  expect(await script?.run(surroundings())).toEqual(first);
});

function surroundings() {
  const world = { lists: new Map(), sql: [], dns: new Map(), declaredSize: 0, now: 0 };
  return surroundingsOf({ ...world, envelope: {}, environment: new Map() }, false);
}
