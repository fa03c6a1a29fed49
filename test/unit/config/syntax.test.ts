/** TOML and JSON are read as they are meant, and every place points into the text that was given. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { doubleUnknownEscapes, offsetInSource } from "../../../src/config/syntax/escapes.ts";
import { parseJson } from "../../../src/config/syntax/json.ts";
import { parseToml } from "../../../src/config/syntax/toml.ts";
import { type KeyPath, locate, type Parsed, toData } from "../../../src/config/syntax/tree.ts";
import { runs } from "../../support/runs.ts";

function rootOf(parsed: Parsed) {
  if (parsed.kind === "error") throw new Error(parsed.message);
  return parsed.root;
}

describe("TOML", () => {
  it.each<[string, unknown]>([
    ['a = "x\\.y"', { a: "x\\.y" }],
    ['a = "x\\\\.y"', { a: "x\\.y" }],
    ["a = 'x\\.y'", { a: "x\\.y" }],
    ['a = "\\u00e4\\t\\""', { a: 'ä\t"' }],
    ['a = "\\users"', { a: "\\users" }],
    ['a = """\n\\d \\\n   b"""', { a: "\\d b" }],
    ["a = '''\n\\d'''", { a: "\\d" }],
    ['# "\\.\na = 1', { a: 1 }],
    ['a.b = 1\n[c."d.e"]\nf = [{g = 1}, [2]]', { a: { b: 1 }, c: { "d.e": { f: [{ g: 1 }, [2]] } } }],
    ["[[x]]\ny = 1\n[[x]]\n[x.z]\nw = 2", { x: [{ y: 1 }, { z: { w: 2 } }] }],
    ["a = 9007199254740993", { a: 9007199254740993n }],
  ])("%j", (text, data) => expect(toData(rootOf(parseToml(text)))).toEqual(data));

  it.each<[string, KeyPath, number | undefined, string]>([
    ['a = 1\nb = "x\\.yz"', ["b"], 3, "2:9 b"],
    ['[t]\nb = [\n  { if = "\\\\.\\.q" } ]', ["t", "b", 0, "if"], 4, "3:16 t.b[0].if"],
    ['a = """\n\\\n  xy"""', ["a"], 1, "3:4 a"],
    ['a = "\u{1f600}\\U0001f600z"', ["a"], 4, "1:18 a"],
    ["a = '''\nx\ny'''", ["a"], 2, "3:1 a"],
    ['x = "\\."\n[t]', ["t", "u", "v"], undefined, "2:2 t.u.v"],
  ])("place in %j", (text, path, index, expected) => {
    const { line, column, key } = locate(rootOf(parseToml(text)), path, index);
    expect(`${line}:${column} ${key}`).toBe(expected);
  });

  it("each escape that was doubled is told, where it stands", () => {
    const parsed = parseToml('a = "\\."\nb = "\\d\\\\\\w" # "\\x"');
    expect(parsed.kind === "tree" && parsed.remarks.map(({ at }) => at)).toEqual([
      { line: 1, column: 6 },
      { line: 2, column: 6 },
      { line: 2, column: 10 },
    ]);
  });

  it("any text with backslashes in a basic string is read as it is, and its characters are found again", () => {
    const characters = fc.constantFrom(..."ab.dws(){}[]^$+\\ ä\u{1f600}");
    fc.assert(
      fc.property(fc.array(characters, { maxLength: 12 }), (list) => {
        // The backslash last in a pair, so that none pairs with what comes after it.
        const source = list.map((character) => (character === "\\" ? "\\." : character)).join("");
        const meant = source.replaceAll("\\b", "\b");
        const text = `a = "${source}"`;
        const root = rootOf(parseToml(text));
        expect(toData(root)).toEqual({ a: meant });
        expect(locate(root, ["a"], meant.length).column).toBe(6 + source.length);
      }),
    );
  });

  it("offsets in the doubled text lead back to the text", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("\\", '"', "'", "\n", "#", "a", ".", "n") }), (source) => {
        const { text, original, doubled } = doubleUnknownEscapes(source);
        expect(text.length).toBe(source.length + doubled.length);
        for (let offset = 0; offset <= text.length; offset++)
          if (text[offset] !== "\\") expect(source[original(offset)]).toBe(text[offset]);
      }),
    );
  });

  it("any text gives a tree or an error in the text", () => {
    const words = fc.constantFrom(
      "[",
      "]",
      "[[",
      "a",
      "b.c",
      " = ",
      '"',
      "'",
      "{",
      "}",
      ",",
      "1",
      "true",
      "\n",
      "\\",
      "#",
      '"""',
      "if",
      "\r",
    );
    fc.assert(
      fc.property(fc.array(words), (list) => {
        const text = list.join("");
        const parsed = parseToml(text);
        if (parsed.kind === "error") expect(parsed.at.line).toBeLessThanOrEqual(text.split("\n").length);
      }),
    );
  });
});

const withoutBigints = (_: string, value: unknown) => (typeof value === "bigint" ? Number(value) : value);

describe("JSON", () => {
  it("is what JSON.parse says", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.constantFrom(undefined, 1, "\t"), (value, indent) => {
        const text = JSON.stringify(value, undefined, indent);
        const noPrototype = text.includes("__proto__");
        if (!noPrototype) expect(JSON.stringify(toData(rootOf(parseJson(text))), withoutBigints)).toBe(JSON.stringify(JSON.parse(text)));
      }),
    );
  });

  it("any text is refused where JSON.parse refuses it", () => {
    const words = fc.constantFrom(
      "{",
      "}",
      "[",
      "]",
      '"a"',
      '"b"',
      ":",
      ",",
      "1",
      "-",
      "01",
      "1.5e3",
      "true",
      "nul",
      '"\\x"',
      '"\n"',
      " ",
      "\t",
      '"',
    );
    fc.assert(
      fc.property(fc.array(words), (list) => {
        const text = `{${list.join("")}}`;
        let isJson = true;
        try {
          JSON.parse(text);
        } catch {
          isJson = false;
        }
        const parsed = parseJson(text);
        const isTwice = parsed.kind === "error" && parsed.message.includes("twice");
        if (!isTwice) expect(parsed.kind).toBe(isJson ? "tree" : "error");
      }),
      { numRuns: runs(500) },
    );
  });

  it.each<[string, string]>([
    ["[".repeat(100_000), "nested too deeply"],
    [`{"a":${"[".repeat(100_000)}`, "nested too deeply"],
    ["", "a value is missing"],
    ['{"a": 1} x', "text after the end"],
    ['{"a": "\\u12"}', "no escape"],
    ['{"a" 1}', "a colon is missing"],
  ])("%.20s", (text, message) => {
    const parsed = parseJson(text);
    expect(parsed.kind === "error" && parsed.message).toContain(message);
  });

  it("places", () => {
    const root = rootOf(parseJson('{"a":\n [{"if": "x\\\\\\u0041y"}]}'));
    expect(locate(root, ["a", 0, "if"], 3)).toMatchObject({ line: 2, column: 20, key: "a[0].if" });
  });
});

it("offsetInSource stops at the end of the text", () => {
  expect(offsetInSource('"ab"', 0, 99)).toBe(4);
});
