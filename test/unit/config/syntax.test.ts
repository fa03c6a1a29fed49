/** TOML and JSON are read as they are meant, and every place points into the text that was given. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { doubleUnknownEscapes, offsetInSource } from "../../../src/config/syntax/escapes.ts";
import { parseJson } from "../../../src/config/syntax/json.ts";
import { parseToml } from "../../../src/config/syntax/toml.ts";
import { type KeyPath, locate, type Parsed, toData } from "../../../src/config/syntax/tree.ts";
import { workOf } from "../../support/count-work.ts";
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

  it("each escape that was doubled is reported with its place", () => {
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

describe("the bounds of TOML", () => {
  const [open, close] = ["[", "]"].map((bracket) => bracket.repeat(64));
  const long = "x".repeat(99_990);

  it.each<[what: string, text: string]>([
    ["a basic string", `a = "${long}"`],
    ["a literal string", `a = '${long}'`],
    ["a long basic string", `a = """${long}"""`],
    ["a long literal string", `a = '''${long}'''`],
    ["a comment", `# ${long.repeat(2)}\na = 1`],
    ["lists in lists", `a = ${open}1${close}`],
    ["parts of a key", `${"a.".repeat(63)}a = 1`],
    ["parts of a header", `[${"a.".repeat(63)}a]\nb.c = 1`],
    ["many parts of many keys", Array.from({ length: 200 }, (_, n) => `a.b.c${n} = 1.5 # [.`).join("\n")],
    ["many lists", `a = [${"[1.5], ".repeat(1000)}]`],
    ["quotes at the end of long strings", `a = [${`"""[""""", '''[''''', `.repeat(100)}]`],
    ["brackets and quotes in strings", `a = [${String.raw`"[\"[", '["[', """["[""\"[""", `.repeat(100)}]`],
    ["long strings of many lines", `a = [${'"""\n[\n""", '.repeat(100)}]`],
  ])("hold %s", (_, text) => {
    expect(parseToml(text)).toMatchObject({ kind: "tree" });
  });

  it.each<[text: string, place: string, message: string]>([
    [`a = 1\nb = "${"x".repeat(1_000_000)}"`, "2:5", "a text of more than 100000 characters"],
    [`a = 1\nb = '${"x".repeat(1_000_000)}'`, "2:5", "a text of more than 100000 characters"],
    [`a = 1\nb = """${"x\n".repeat(500_000)}"""`, "2:5", "a text of more than 100000 characters"],
    [`a = 1\nb = '''${"x\n".repeat(500_000)}'''`, "2:5", "a text of more than 100000 characters"],
    [`a = "${"x".repeat(200_000)}`, "1:5", "a text of more than"],
    [`a = ${"1".repeat(200_000)}`, "1:5", "a text of more than"],
    [`a = 1.${"1".repeat(70_000)}e${"1".repeat(70_000)}`, "1:7", "a text of more than"],
    [`a = [\n${"[".repeat(10_000)}`, "2:64", "nested too deeply"],
    [`a = ${"{b=".repeat(10_000)}`, "1:197", "nested too deeply"],
    [`${"a.".repeat(50_000)}b = 1`, "1:128", "a key of more than 64 parts"],
    [`x = 1\n[${'"a" . '.repeat(50_000)}b]`, "2:384", "a key of more than 64 parts"],
    [`x = { ${"a.".repeat(50_000)}b = 1 }`, "1:134", "a key of more than 64 parts"],
  ])("%.20s", (text, place, message) => {
    const parsed = parseToml(text);
    if (parsed.kind === "tree") throw new Error("it was read");
    expect([`${parsed.at.line}:${parsed.at.column}`, parsed.message]).toEqual([place, expect.stringContaining(message)]);
  });

  it("any text is a tree, or an error with a place in it", () => {
    const pieces = ["a", ".", "=", "1", ",", "\n", "[", "]", "{", "}", '"', "'", '"""', "'''", "\\", "#", " ", "[[a]]\n", "é"];
    const text = fc.array(fc.constantFrom(...pieces), { maxLength: 300 }).map((chosen) => chosen.join(""));
    const check = (given: string) => {
      const parsed = parseToml(given);
      if (parsed.kind === "error") expect(parsed.at.line).toBeLessThanOrEqual(given.split("\n").length);
    };
    fc.assert(fc.property(text, check), { numRuns: runs(500) });
  });

  it("the work is linear in the number of escapes that TOML lacks", async () => {
    const text = (lines: number) => Array.from({ length: lines }, (_, n) => `k${n} = "\\."`).join("\n");
    const [few, many] = [text(500), text(5000)];
    parseToml(few);
    const work = await workOf("src/config/syntax", () => parseToml(few));
    expect(await workOf("src/config/syntax", () => parseToml(many))).toBeLessThan(work * 15);
  });
});

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
