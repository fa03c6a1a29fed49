/** TOML 1.0 to a tree with places, lenient in escapes. */
import { type AST, ParseError, parseTOML } from "toml-eslint-parser";
import { type Place, placesIn } from "../../text/place.ts";
import { findBeyondBounds } from "./bounds.ts";
import { doubleUnknownEscapes, offsetInSource } from "./escapes.ts";
import { keyOf, type List, type Parsed, type Table, type TreeNode } from "./tree.ts";

const doubledMessage = (written: string) =>
  `"${written}" is not an escape of TOML and is read as these two characters. Write "\\${written}", or a literal string in single quotes.`;

/** What to do about the most common errors, by the words of the parser. */
const hints: readonly (readonly [RegExp, string])[] = [
  [/multiple times/, "Join the two, or remove one."],
  [/^Unterminated string/, "Close the string with the quote that opened it."],
  [/^Unspecified values/, "Write a value after the equals sign, or remove the key."],
  [/curly braces/, "Write the inline table on one line, or as a table of its own with [a.header]."],
  [/^Leading zeros/, 'Remove them, or write a string, such as "0660".'],
];

export function parseToml(source: string): Parsed {
  const places = placesIn(source);
  const beyond = findBeyondBounds(source);
  if (beyond !== undefined) return { kind: "error", at: places(beyond.offset), message: beyond.message };
  const lenient = doubleUnknownEscapes(source);
  const place = (offset: number) => places(lenient.original(offset));
  try {
    const root: Table = { kind: "table", key: "", keyAt: { line: 1, column: 1 }, at: { line: 1, column: 1 }, entries: new Map() };
    new Builder(source, lenient.original, places).addTop(root, parseTOML(lenient.text, { tomlVersion: "1.0" }));
    const remarks = lenient.doubled.map((at) => ({ at: places(at), message: doubledMessage(source.slice(at, at + 2)) }));
    return { kind: "tree", root, remarks };
  } catch (error) {
    // The parser's own, for what the bounds do not foresee.
    if (error instanceof RangeError)
      return { kind: "error", at: { line: 1, column: 1 }, message: "too long or too deep to be read. Put its longest parts into files." };
    if (!(error instanceof ParseError)) throw error;
    const hint =
      hints.find(([words]) => words.test(error.message))?.[1] ?? "Look for a stray or a missing quote, comma or bracket before this.";
    return { kind: "error", at: place(error.index), message: `not valid TOML: ${error.message}. ${hint}` };
  }
}

class Builder {
  readonly #source: string;
  readonly #original: (offset: number) => number;
  /** Of offsets in the source as it was given. */
  readonly #places: (offset: number) => Place;

  constructor(source: string, original: (offset: number) => number, places: (offset: number) => Place) {
    this.#source = source;
    this.#original = original;
    this.#places = places;
  }

  #place(offset: number): Place {
    return this.#places(this.#original(offset));
  }

  addTop(root: Table, program: AST.TOMLProgram): void {
    for (const part of program.body[0].body) {
      if (part.type === "TOMLKeyValue") {
        this.#addPair(root, part);
        continue;
      }
      const table = this.#descend(root, part.resolvedKey, this.#place(part.key.range[0]));
      if (table.kind === "table") for (const pair of part.body) this.#addPair(table, pair);
    }
  }

  #addPair(table: Table, { key, value }: AST.TOMLKeyValue): void {
    const names = key.keys.map((part) => (part.type === "TOMLBare" ? part.name : part.value));
    const keyAt = this.#place(key.range[0]);
    const last = names.pop() ?? "";
    const parent = this.#descend(table, names, keyAt);
    if (parent.kind === "table") parent.entries.set(last, this.#node(value, keyOf(parent.key, last), keyAt));
  }

  /** The node at the path, made where it is not there yet. */
  #descend(from: Table, path: readonly (string | number)[], at: Place): TreeNode {
    let node: TreeNode = from;
    for (const [index, name] of path.entries()) {
      const key = keyOf(node.key, name);
      const make = (): Table | List =>
        typeof path[index + 1] === "number"
          ? { kind: "list", key, keyAt: at, at, items: [] }
          : { kind: "table", key, keyAt: at, at, entries: new Map() };
      if (node.kind === "table") {
        const next: TreeNode = node.entries.get(String(name)) ?? make();
        node.entries.set(String(name), next);
        node = next;
      } else if (node.kind === "list") {
        const next: TreeNode = node.items[Number(name)] ?? make();
        node.items[Number(name)] = next;
        node = next;
      }
    }
    return node;
  }

  #node(content: AST.TOMLContentNode, key: string, keyAt: Place): TreeNode {
    const start = content.range[0];
    const at = this.#place(start);
    switch (content.type) {
      case "TOMLArray": {
        const items = content.elements.map((element, index) => {
          const place = this.#place(element.range[0]);
          return this.#node(element, keyOf(key, index), place);
        });
        return { kind: "list", key, keyAt, at, items };
      }
      case "TOMLInlineTable": {
        const table: Table = { kind: "table", key, keyAt, at, entries: new Map() };
        for (const pair of content.body) this.#addPair(table, pair);
        return table;
      }
      case "TOMLValue": {
        if (content.kind === "integer") {
          const value = Number.isSafeInteger(content.value) ? content.value : content.bigint;
          return { kind: "scalar", key, keyAt, at, value };
        }
        if (content.kind !== "string") return { kind: "scalar", key, keyAt, at, value: content.value };
        const placeOf = (index: number) => this.#places(offsetInSource(this.#source, this.#original(start), index));
        return { kind: "scalar", key, keyAt, at, value: content.value, placeOf };
      }
    }
  }
}
