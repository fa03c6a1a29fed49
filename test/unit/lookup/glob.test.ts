import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { codePointsOf, matchGlob, parseGlob } from "../../../src/lookup/glob.ts";
import { canonicalKey } from "../../../src/lookup/list-key.ts";
import { MemoryLookup } from "../../../src/lookup/memory.ts";
import { runs } from "../../support/runs.ts";

function matches(pattern: string, text: string): boolean {
  const glob = parseGlob(pattern);
  return typeof glob === "string" ? glob === text : matchGlob(glob, codePointsOf(text));
}

const rows: [pattern: string, text: string, isMatch: boolean][] = [
  ["*.spammer.example", "a.spammer.example", true],
  ["*.spammer.example", "a.b.spammer.example", true],
  ["*.spammer.example", ".spammer.example", true],
  ["*.spammer.example", "spammer.example", false],
  ["*.spammer.example", "a.spammer.example.org", false],
  ["mail-?.example", "mail-1.example", true],
  ["mail-?.example", "mail-.example", false],
  ["mail-?.example", "mail-12.example", false],
  ["mail-?.example", "mail-🙂.example", true],
  ["*", "", true],
  ["?", "", false],
  ["", "", true],
  ["**a", "a", true],
  ["a*b*c", "a-b-b-c", true],
  ["a*b*c", "a-c-b", false],
  ["a*?", "a", false],
  ["a\\*", "a*", true],
  ["a\\*", "ab", false],
  ["a\\*?", "a*b", true],
  ["\\a\\?", "a?", true],
  ["[a]*", "[a]b", true],
  ["[a]*", "ab", false],
  ["a.c*", "abc", false],
];

/** The meaning itself, letter by letter, slow as it is. */
function reference(pattern: string, text: string): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return text === "";
  if (first === "*") return reference(rest.join(""), text) || (text !== "" && reference(pattern, [...text].slice(1).join("")));
  const [letter, ...others] = text;
  if (letter === undefined) return false;
  if (first === "?") return reference(rest.join(""), others.join(""));
  const literal = first === "\\" ? rest.shift() : first;
  return literal === letter && reference(rest.join(""), others.join(""));
}

const letters = fc.constantFrom("a", "b", ".", "🙂");
const text = fc.array(letters, { maxLength: 8 }).map((all) => all.join(""));
const pattern = fc.array(fc.oneof(letters, fc.constantFrom("*", "?", "\\*", "\\?")), { maxLength: 6 }).map((all) => all.join(""));

describe("globs", () => {
  it.each(rows)("%s, %s: %s", (glob, against, isMatch) => {
    expect(matches(glob, against)).toBe(isMatch);
  });

  it("match as the reference does", () => {
    fc.assert(
      fc.property(pattern, text, (glob, against) => matches(glob, against) === reference(glob, against)),
      { numRuns: runs(800) },
    );
  });

  it("take no more steps than pattern by text", () => {
    expect(matches(`${"*a".repeat(500)}b`, "a".repeat(10_000))).toBe(false);
  });

  it("of a list are tried in their order, after its exact keys, and before the domains above", () => {
    const entries = fc.array(fc.record({ key: pattern, glob: fc.boolean() }), { maxLength: 12 });
    fc.assert(
      fc.property(entries, text.map(canonicalKey), (written, against) => {
        const keys = written.map(({ key, glob }) => ({ key: canonicalKey(key), glob }));
        const lookup = new MemoryLookup(keys.map((entry, value) => ({ ...entry, value })));
        const isPattern = ({ key, glob }: (typeof keys)[number]) => glob && typeof parseGlob(key) !== "string";
        const exact = (text: string) =>
          keys.findIndex((entry) => !isPattern(entry) && (entry.glob ? parseGlob(entry.key) : entry.key) === text);
        const glob = keys.findIndex((entry) => isPattern(entry) && reference(entry.key, against));
        const above = against.includes("@") ? [] : [...against.matchAll(/(?<!^)\.(?=.)/gs)].map(({ index }) => exact(against.slice(index)));
        expect(lookup.get(against)).toBe([exact(against), glob, ...above].find((index) => index >= 0));
      }),
      { numRuns: runs(800) },
    );
  });
});
