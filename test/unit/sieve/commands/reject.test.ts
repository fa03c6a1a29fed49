// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how scripts name variables
import { describe, expect, it } from "vitest";
import { errorsOf, played } from "../../../support/script-run.ts";

it.each<[text: string, reply: string]>([
  ["No such thing.", "550 5.7.1 No such thing."],
  ["551 5.1.1 Blocklisted.", "551 5.1.1 Blocklisted."],
  ["422 4.2.2 Greylisted.", "422 4.2.2 Greylisted."],
  ["450 Later.", "450 4.0.0 Later."],
  ["550", "550 5.7.1 550"],
  ["451", "550 5.7.1 451"],
  ["250", "550 5.7.1 250"],
  ["550 5.1.1", "550 5.1.1 Refused."],
  ["5.1.1 Unknown.", "550 5.1.1 Unknown."],
  ["4.7.1 Later.", "451 4.7.1 Later."],
  ["2.0.0 Fine.", "550 5.7.1 2.0.0 Fine."],
  ["5.1.1", "550 5.1.1 Refused."],
  ["550-5.1.1 a", "550 5.7.1 550-5.1.1 a"],
  ["5500 a", "550 5.7.1 5500 a"],
  ["  two\r\nlines\n", "550 5.7.1 two lines"],
  ["", "550 5.7.1 Refused."],
  ["x".repeat(1000), `550 5.7.1 ${"x".repeat(400)}`],
])("%j", async (text, reply) => {
  expect(await played(`reject "${text}";`)).toBe(`reject ${reply}`);
  expect(await played(`set "t" "${text}"; ereject "\${t}";`)).toBe(`reject ${reply}`);
});

describe("codes that do not refuse", () => {
  const problem = (code: string) => `the reply code ${code} does not refuse anything. Use one from 400 to 599, or leave it out for 550.`;
  const disagree = "the reply code 550 and the enhanced code 4.1.1 disagree. Both must begin with the same digit.";

  it.each([
    ["250 Welcome.", problem("250")],
    ["354 Go on.", problem("354")],
    ["600 What?", problem("600")],
    ["550 4.1.1 Which?", disagree],
  ])("%s at load", (text, error) => {
    expect(errorsOf(`reject "${text}";`)).toEqual([`1:8: ${error}`]);
  });

  it.each([
    ["${env.helo_domain} is blocklisted.", "250 ok", `550 5.7.1 250 ok is blocklisted.; failure 1:1: ${problem("250")}`],
    ["550 ${env.helo_domain} is blocklisted.", "4.1.1", `550 5.0.0 4.1.1 is blocklisted.; failure 1:1: ${disagree}`],
  ])("a stranger does not evade %s by %j", async (text, helo, outcome) => {
    expect(await played(`reject "${text}";`, { environment: { helo_domain: helo } })).toBe(`reject ${outcome}`);
    expect(await played(`keep; reject "No."; reject "${text}";`, { environment: { helo_domain: helo } })).toMatch(
      /^reject 550 5.7.1 No.; failure/,
    );
  });
});
