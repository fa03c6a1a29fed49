import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { defaultLimits } from "../../../../src/sieve/limits.ts";
import { type ScriptToken, tokenize } from "../../../../src/sieve/syntax/lexer.ts";
import { runs } from "../../../support/runs.ts";

function lexed(source: string) {
  const problems: string[] = [];
  const tokens = tokenize(source, { ...defaultLimits, stringSize: 1000 }, (offset, message) => problems.push(`${offset}: ${message}`));
  return { tokens, problems };
}

function shown(token: ScriptToken): string {
  switch (token.kind) {
    case "identifier":
      return token.name;
    case "tag":
      return `:${token.name}`;
    case "number":
      return String(token.value);
    case "text":
      return JSON.stringify(token.value);
    case "mark":
      return token.mark;
    case "end":
      return token.isCut ? "cut" : "end";
  }
}

describe("words", () => {
  it.each<[source: string, words: string]>([
    ["", "end"],
    ["Keep;", "keep ; end"],
    ["if size :OVER 1k{stop;}", "if size :over 1024 { stop ; } end"],
    ["[](){},;", "[ ] ( ) { } , ; end"],
    ["1 0012 2K 3m 4G", "1 12 2048 3145728 4294967296 end"],
    ['"a\\"b\\\\c\\d"', '"a\\"b\\\\cd" end'],
    ['"two\r\nlines"', '"two\\r\\nlines" end'],
    ["a # b\n c /* d ; * / \n */ e # f", "a c e end"],
    ["/**/a/***/b", "a b end"],
    ["\ufeffkeep;", "keep ; end"],
    ["text:\nhello\n.\n;", '"hello\\n" ; end'],
    ["TEXT: \t# why\r\n..\r\n..a\r\n.b\r\n.\r\n;", '".\\r\\n.a\\r\\n.b\\r\\n" ; end'],
    ["text:\n.\nkeep", '"" keep end'],
    ["text:\na\n.", '"a\\n" end'],
    ["text:\na\u2028.\n.\n", '"a\u2028.\\n" end'],
    ["text :is", "text :is end"],
    ["text:is", "text :is end"],
  ])("%j", (source, words) => {
    const { tokens, problems } = lexed(source);
    expect(problems).toEqual([]);
    expect(tokens.map(shown).join(" ")).toBe(words);
  });
});

describe("what is no word", () => {
  it.each<[source: string, words: string, problem: string]>([
    ['keep "a\\"', 'keep "a\\\\\\"" cut', '5: this string never ends. Close it with ", and write \\" for a quote within it.'],
    ["keep; /* a", "keep ; cut", '6: this comment never ends. Close it with "*/".'],
    ["text:\na\n..\n", "cut", '0: this text block never ends. Close it with a line that holds only ".".'],
    ["10X;", "0 ; end", '0: "10X" is not a number. A number is digits and at most one unit of K, M and G.'],
    ["9007199254740992", "0 end", "0: the number 9007199254740992 is too large. The largest is 9007199254740991."],
    ["8388608G", "0 end", "0: the number 8388608G is too large. The largest is 9007199254740991."],
    ["a %$! b", "a b end", '2: unexpected "%$!". Text needs double quotes.'],
    ["“a”", "end", '0: unexpected quote. Write strings in straight double quotes: "…".'],
    ["a : b", "a b end", '2: unexpected ":". A tag is a colon and its name without a space, such as :is.'],
    ["“a” b ‘c’", "b end", '0: unexpected quote. Write strings in straight double quotes: "…".'],
    ["it's b", "it s b end", '2: unexpected quote. Write strings in straight double quotes: "…".'],
    ["a // b ; c\nd", "a d end", '2: unexpected "//". A comment is # to the end of the line, or /* to */.'],
    ["-- b ; c\nd", "d end", '0: unexpected "--". A comment is # to the end of the line, or /* to */.'],
    ["text: a\nb\n.\nc", '"b\\n" c end', '4: unexpected text after "text:". The text begins on the next line.'],
    ["text: a\nb", "cut", '4: unexpected text after "text:". The text begins on the next line.'],
    ["text: a", "cut", '4: unexpected text after "text:". The text begins on the next line.'],
    ["1.5", "1 5 end", '1: unexpected ".". A number is whole, and has no sign.'],
    ["a.5", "a 5 end", '1: unexpected ".". Text needs double quotes.'],
    ["a / b", "a b end", '2: unexpected "/". A comment is # to the end of the line, or /* to */.'],
    ["\u00a0a", "a end", "0: unexpected U+00A0. Text needs double quotes."],
    [
      `"${"a".repeat(999)}"`,
      `"${"a".repeat(999)}" end`,
      "0: this string is longer than sieve.trusted.limits.string-size allows (1000 octets).",
    ],
  ])("%j", (source, words, problem) => {
    const { tokens, problems } = lexed(source);
    expect(problems[0]).toBe(problem);
    expect(tokens.map(shown).join(" ")).toBe(words);
  });
});

it("every token is after the one before it, and within the text", () => {
  const piece = fc.oneof(fc.string(), fc.constantFrom('"', "\\", "text:\n", ".\n", "/*", "*/", "#", "\r\n", ":a", "1K", "keep", "{", ";"));
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const source = pieces.join("");
      const { tokens, problems } = lexed(source);
      let last = 0;
      for (const { offset, end, kind } of tokens) {
        expect(offset).toBeGreaterThanOrEqual(last);
        expect(end > offset || kind === "end").toBe(true);
        last = end;
      }
      expect(last).toBe(source.length);
      for (const problem of problems) expect(Number.parseInt(problem, 10)).toBeLessThan(source.length);
    }),
    { numRuns: runs(300) },
  );
});

it("a string is read as it was written", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 40 }), (value) => {
      const { tokens } = lexed(`"${value.replace(/["\\]/g, "\\$&")}"`);
      expect(tokens[0]).toMatchObject({ kind: "text", value });
    }),
    { numRuns: runs(100) },
  );
});

it("a block is read as it was written", () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.string({ maxLength: 10 }).map((line) => line.replaceAll("\n", "")),
        { maxLength: 10 },
      ),
      (lines) => {
        const written = lines.map((line) => `${line.startsWith(".") ? "." : ""}${line}\n`).join("");
        const { tokens } = lexed(`text:\n${written}.\n`);
        expect(tokens[0]).toMatchObject({ kind: "text", value: lines.map((line) => `${line}\n`).join("") });
      },
    ),
    { numRuns: runs(200) },
  );
});
