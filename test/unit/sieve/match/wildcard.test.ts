import fc from "fast-check";
import { expect, test } from "vitest";
import { matchWildcard, parseWildcard } from "../../../../src/sieve/match/wildcard.ts";
import { runs } from "../../../support/runs.ts";

const idle = () => {};
const asWritten = (text: string) => text;

function matched(pattern: string, text: string): readonly string[] | undefined {
  return matchWildcard(parseWildcard(pattern, asWritten), text, text, idle);
}

test.each<[pattern: string, text: string, values: string[] | undefined]>([
  ["", "", []],
  ["", "a", undefined],
  ["a", "a", []],
  ["a", "ab", undefined],
  ["b", "ab", undefined],
  ["*", "", [""]],
  ["*", "any", ["any"]],
  ["?", "", undefined],
  ["?", "ab", undefined],
  ["?", "😀", ["😀"]],
  ["*?", "a😀", ["a", "😀"]],
  ["*?", "", undefined],
  ["?*", "abc", ["a", "bc"]],
  ["*@*", "a@b@c", ["a", "b@c"]],
  ["*@*.example", "a@b.example", ["a", "b"]],
  ["*.*.*", "a.b.c.d", ["a", "b", "c.d"]],
  ["**", "abc", ["", "abc"]],
  ["*?*", "abc", ["", "a", "bc"]],
  ["*a?c*", "abaxabc-abc", ["abax", "b", "-abc"]],
  ["*aab", "aaab", ["a"]],
  ["a*a", "a", undefined],
  ["ab*ba", "aba", undefined],
  ["a*ba", "aba", [""]],
  ["*a*a*", "a", undefined],
  ["*a*b", "abab", ["", "ba"]],
  ["\\*", "*", []],
  ["\\*", "a", undefined],
  ["\\?", "?", []],
  ["\\?", "a", undefined],
  ["\\\\", "\\", []],
  ["\\\\*", "\\a", ["a"]],
  ["\\a", "a", []],
  ["a\\", "a\\", []],
  ["*\\", "a\\", ["a"]],
])("%j matches %j: %j", (pattern, text, values) => {
  expect(matched(pattern, text)).toEqual(values && [text, ...values]);
});

test.each<[pattern: string, text: string, matches: boolean]>([
  ["＊", "*", true],
  ["＊", "any", false],
  ["？", "?", true],
  ["？", "a", false],
  ["＼*", "\\any", true],
  ["\\＊", "*", true],
  ["a＊*c？", "A*bC?", true],
  ["a＊*c？", "abc!", false],
])("what folding makes of %j is no wildcard: %j matches: %j", (pattern, text, matches) => {
  const fold = (each: string) => each.toUpperCase().normalize("NFKD");
  expect(matchWildcard(parseWildcard(pattern, fold), fold(text), text, idle) !== undefined).toBe(matches);
});

test("the length is that of what is compared", () => {
  expect(parseWildcard("ﷺ*", (text) => text.normalize("NFKD")).length).toBe(19);
});

test("what wildcards stand for is cut from the original", () => {
  expect(matchWildcard(parseWildcard("*@example.?rg", asWritten), "ken@example.org", "Ken@Example.ORG", idle)).toEqual([
    "Ken@Example.ORG",
    "Ken",
    "O",
  ]);
});

/** The same by an engine that tries everything, the shortest first. */
function slowly(pattern: string, text: string): readonly string[] | undefined {
  const source = pattern.replace(/\\(.)|(.)/gsu, (_, escaped: string | undefined, char: string) => {
    return { "*": "(.*?)", "?": "(.)" }[char] ?? (escaped ?? char).replace(/[\\*?.]/, "\\$&");
  });
  const found = new RegExp(`^${source}$`, "su").exec(text);
  return found ? [...found] : undefined;
}

test("the match is the shortest from the left", () => {
  const pattern = fc.array(fc.constantFrom("a", "b", "*", "?", "\\*", "\\\\", "😀"), { maxLength: 9 }).map((parts) => parts.join(""));
  const text = fc.array(fc.constantFrom("a", "b", "*", "\\", "😀"), { maxLength: 12 }).map((parts) => parts.join(""));
  fc.assert(
    fc.property(pattern, text, (written, value) => {
      expect(matched(written, value)).toEqual(slowly(written, value));
    }),
    { numRuns: runs(1000) },
  );
});

test("texts that were made for a pattern match", () => {
  const part = fc.record({
    wildcard: fc.constantFrom("*", "?"),
    value: fc.string({ unit: "binary" }),
    literal: fc.string({ unit: "binary" }),
  });
  fc.assert(
    fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
      let pattern = "";
      let text = "";
      for (const { wildcard, value, literal } of parts) {
        const stood = wildcard === "*" ? value : String.fromCodePoint(value.codePointAt(0) ?? 0x61);
        text += stood + literal;
        pattern += wildcard + literal.replace(/[\\*?]/g, "\\$&");
      }
      const values = matched(pattern, text);
      expect(values?.[0]).toBe(text);
      expect(values).toHaveLength(parts.length + 1);
    }),
    { numRuns: runs(100) },
  );
});

test.each([
  ["*aaaaaaaaaaaaaaab*", "a".repeat(20_000)],
  ["*a*a*a*a*a*a*a*a*b", "a".repeat(20_000)],
  ["*a?aaaaaaaaaaab*", "a".repeat(20_000)],
  ["*?*?*?*?*?*?*?*?*b", "a".repeat(20_000)],
])("%s is counted as taking no more than its length for each character", (pattern, text) => {
  let looked = 0;
  const work = (characters: number) => {
    looked += characters;
  };
  expect(matchWildcard(parseWildcard(pattern, asWritten), text, text, work)).toBeUndefined();
  expect(looked).toBeLessThanOrEqual(pattern.length * text.length);
});

test("there is no limit to the number of wildcards", () => {
  const text = "a".repeat(500_000);
  expect(matched("?".repeat(text.length), text)).toHaveLength(1 + text.length);
  expect(matched(`*${"?".repeat(text.length)}`, text)).toHaveLength(2 + text.length);
});

test("work may stop it", () => {
  const stop = () => {
    throw new Error("enough");
  };
  expect(() => matchWildcard(parseWildcard("*?x*", asWritten), "aaaa", "aaaa", stop)).toThrow("enough");
});
