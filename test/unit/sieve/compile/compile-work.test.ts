// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how scripts name variables
import fc from "fast-check";
import { expect, it } from "vitest";
import { compileScript } from "../../../../src/sieve/compile/compile-scripts.ts";
import { workOf } from "../../../support/count-work.ts";
import { runs } from "../../../support/runs.ts";
import { piece } from "../../../support/script-pieces.ts";
import { vocabularyOf } from "../../../support/script-world.ts";

it("the work grows as the text does", async () => {
  const repeated = [
    "keep; ",
    "if true { keep; } ",
    "if true {",
    "if anyof (",
    'set "a" "${b}${c}";',
    '"a" ',
    '["a", ',
    "{",
    "}",
    "/**/",
    "text:\n.\n",
    ";",
    ":a ",
    "if true {} elsif ",
    "%",
    "nonsense;",
    'set "${unicode:d800}";',
  ];
  const vocabulary = vocabularyOf();
  const samples = [
    ...repeated,
    ...fc.sample(
      fc.array(piece, { minLength: 1, maxLength: 8 }).map((pieces) => `${pieces.join(" ")} `),
      runs(20),
    ),
  ];
  for (const sample of samples) {
    const work = async (times: number) => await workOf("/src/sieve/", () => compileScript("main", sample.repeat(times), vocabulary));
    const once = await work(100);
    // V8 loses a few counts when it throws away code; a square would be 64 times as much.
    expect(await work(800), sample).toBeLessThan(12 * once);
  }
});

it("also where a quote is missing on the one line of a script", async () => {
  const vocabulary = vocabularyOf();
  for (const sample of ['set "a"/**/"b"; ', 'if header "a":is "b" { keep; } ', 'set "a" "b"; ', '["a","b"], ', '"a"#"b" ', '"a" b" ']) {
    const work = async (times: number) => await workOf("/src/sieve/", () => compileScript("main", `${sample.repeat(times)}"`, vocabulary));
    const once = await work(100);
    expect(await work(800), sample).toBeLessThan(12 * once);
  }
});
