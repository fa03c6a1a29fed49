import { describe, expect, it } from "vitest";
import { defaultLimits } from "../../../../src/sieve/limits.ts";
import { parseScript } from "../../../../src/sieve/syntax/parser.ts";
import type { Argument, CommandNode, TestNode } from "../../../../src/sieve/syntax/syntax-tree.ts";

const limits = { ...defaultLimits, nestedBlocks: 3, nestedTests: 3 };

function parsed(source: string, within = limits) {
  const problems: string[] = [];
  const nodes = parseScript(source, within, (offset, message) => problems.push(`${offset}: ${message}`));
  return { tree: nodes.map(command).join(" "), problems };
}

/** In parentheses what belongs together; a broken command has a `!`. */
function command(node: CommandNode): string {
  const block = node.block ? ` {${node.block.map(command).join(" ")}}` : "";
  return `(${node.isBroken ? "!" : ""}${inner(node)}${block})`;
}

function inner({ name, arguments: given, tests, isTestList }: TestNode): string {
  const after = tests.map(inner).join(", ");
  return [name, ...given.map(argument), isTestList ? `<${after}>` : after].filter((part) => part !== "").join(" ");
}

function argument(given: Argument): string {
  switch (given.kind) {
    case "tag":
      return `:${given.name}`;
    case "number":
      return String(given.value);
    case "text":
      return `'${given.value}'`;
    case "list":
      return `[${given.items.map(({ value }) => value).join(" ")}]`;
  }
}

describe("commands", () => {
  it.each<[source: string, tree: string]>([
    ["", ""],
    ["keep; Stop;", "(keep) (stop)"],
    ['require ["a", "b"];', "(require [a b])"],
    ['set :lower "a" "b";', "(set :lower 'a' 'b')"],
    ["if true {} elsif not false {keep;} else {}", "(if true {}) (elsif not false {(keep)}) (else {})"],
    [
      'if anyof (size :over 1K, not exists "a", allof (true)) { stop; }',
      "(if anyof <size :over 1024, not exists 'a', allof <true>> {(stop)})",
    ],
    ["if true{if true{if true{keep;}}}", "(if true {(if true {(if true {(keep)})})})"],
    ["query [];", "(query [])"],
    ["keep stop;", "(keep stop)"],
  ])("%s", (source, tree) => {
    expect(parsed(source)).toEqual({ tree, problems: [] });
  });
});

describe("what is no script", () => {
  it.each<[source: string, tree: string, problems: string[]]>([
    ["keep", "(!keep)", ['4: expected ";" after "keep", found the end of the script.']],
    ["if true {keep} stop;", "(if true {(!keep)}) (stop)", ['13: expected ";" after "keep", found "}".']],
    ['set "a" "b" ) "c"; stop;', "(!set) (stop)", ['12: expected ";" after "set", found ")".']],
    [
      'keep ["a" "b"]; if anyof (true { discard; ] } stop;',
      "(!keep) (!if {(discard)}) (stop)",
      [
        '10: expected "," or "]" in a list of strings, found a string.',
        '31: expected "," or ")" in a list of tests, found "{".',
        '42: expected a command, found "]".',
      ],
    ],
    [
      "if anyof true, false { keep; } stop;",
      "(!if {(keep)}) (stop)",
      ['13: unexpected ",". Put a list of tests into parentheses: anyof (…, …).'],
    ],
    [
      "} keep; }} stop;",
      "(keep) (stop)",
      [0, 8, 9].map((at) => `${at}: unexpected "}": no block is open here. Remove it, or look for a "{" that is missing before.`),
    ],
    [
      "if true { if false { keep;",
      "(if true {(if false {(keep)})})",
      ['19: this block is never closed. Close it with "}".', '8: this block is never closed. Close it with "}".'],
    ],
    [";; keep;", "(keep)", [0, 1].map((at) => `${at}: unexpected ";": there is no command before it. Remove it.`)],
    [
      "reject 'no'; % keep; if size :over -1 { keep % ; }",
      "(!reject) (keep) (!if {(!keep)})",
      [
        '7: unexpected quote. Write strings in straight double quotes: "…".',
        '13: unexpected "%". Text needs double quotes.',
        '35: unexpected "-". A number is whole, and has no sign.',
        '45: unexpected "%". Text needs double quotes.',
      ],
    ],
    ["keep % - / *; discard;", "(!keep) (discard)", ['5: unexpected "%". Text needs double quotes.']],
    [
      "if true; { keep; } else; { stop; }",
      "(!if {(keep)}) (!else {(stop)})",
      [7, 23].map((at) => `${at}: unexpected ";" before a block. Remove it.`),
    ],
    [
      "reject http://a.example/; keep;",
      "(!reject) (keep)",
      ['11: unexpected ":". A tag is a colon and its name without a space, such as :is.'],
    ],
    ['"a"; keep;', "(keep)", ["0: expected a command, found a string."]],
    ["{ keep; } stop;", "(stop)", ['0: expected a command, found "{".']],
    ["if not :is { keep; }", "(if not :is {(keep)})", []],
    ["if ( { keep; }", "(!if {(keep)})", ['5: expected a test, found "{".']],
    ['keep; set "a', "(keep) (!set)", ['10: this string never ends. Close it with ", and write \\" for a quote within it.']],
    [
      "if true{if true{if true{if true{keep; a {} } stop;} stop;}} keep;",
      "(if true {(if true {(if true {(if true {}) (stop)}) (stop)})}) (keep)",
      ["31: blocks are nested deeper than sieve.trusted.limits.nested-blocks allows (3)."],
    ],
    [
      "if not not not true { stop; } keep;",
      "(!if {(stop)}) (keep)",
      ["15: tests are nested deeper than sieve.trusted.limits.nested-tests allows (3)."],
    ],
    ["if not not true { stop; }", "(if not not true {(stop)})", []],
  ])("%s", (source, tree, problems) => {
    expect(parsed(source)).toEqual({ tree, problems });
  });
});

describe("the stack holds whatever the text and the limits are", () => {
  const boundless = { ...defaultLimits, nestedBlocks: 1e9, nestedTests: 1e9 };
  it.each(["if true {", "if not ", "not ", "anyof (", "{", "}", "} keep;", "[", "("])("%s, again and again", (piece) => {
    const { problems } = parsed(piece.repeat(20_000) + (piece === "} keep;" ? "keep;".repeat(200_000) : ""), boundless);
    expect(problems.length).toBeGreaterThan(0);
  });
});
