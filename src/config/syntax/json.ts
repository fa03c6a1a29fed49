/** JSON (RFC 8259) to a tree with places. A key given twice is an error. */

import { type Place, placesIn } from "../../text/place.ts";
import { maxDepth, tooDeep } from "./bounds.ts";
import { offsetInSource } from "./escapes.ts";
import { keyOf, type Parsed, type Table, type TreeNode } from "./tree.ts";

export function parseJson(source: string): Parsed {
  try {
    const reader = new JsonReader(source);
    const root = reader.document();
    if (root.kind !== "table") return { kind: "error", at: root.at, message: "a configuration is an object. Put it in braces." };
    return { kind: "tree", root, remarks: [] };
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    return { kind: "error", at: placesIn(source)(error.offset), message: `not valid JSON: ${error.message}` };
  }
}

class JsonError extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}

const space = /[ \t\r\n]*/y;
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const word = /true|false|null/y;
const string = /"(?:\\.|[^"\\\n])*"/y;
const badEscape = /\\(?!["\\/bfnrt]|u[\da-fA-F]{4})./;

class JsonReader {
  readonly #source: string;
  readonly #places: (offset: number) => Place;
  #offset = 0;

  constructor(source: string) {
    this.#source = source;
    this.#places = placesIn(source);
  }

  document(): TreeNode {
    this.#skip();
    const node = this.#value("", this.#here(), 0);
    if (this.#offset < this.#source.length) this.#fail("text after the end. Remove it, or look for an extra brace.");
    return node;
  }

  #value(key: string, keyAt: Place, depth: number): TreeNode {
    if (depth > maxDepth) this.#fail(tooDeep);
    const at = this.#here();
    const start = this.#offset;
    switch (this.#source[start]) {
      case "{": {
        const table: Table = { kind: "table", key, keyAt, at, entries: new Map() };
        this.#series("}", () => this.#member(table, depth));
        return table;
      }
      case "[": {
        const items: TreeNode[] = [];
        this.#series("]", () => items.push(this.#value(keyOf(key, items.length), this.#here(), depth + 1)));
        return { kind: "list", key, keyAt, at, items };
      }
      case '"': {
        const value = this.#string();
        const placeOf = (index: number) => this.#places(offsetInSource(this.#source, start, index));
        return { kind: "scalar", key, keyAt, at, value, placeOf };
      }
    }
    const keyword = this.#take(word);
    if (keyword !== undefined) return { kind: "scalar", key, keyAt, at, value: keyword === "null" ? null : keyword === "true" };
    const digits = this.#take(number);
    if (digits === undefined) return this.#fail("a value is missing here. Strings are written in double quotes, and JSON has no comments.");
    const value = /^-?\d+$/.test(digits) && !Number.isSafeInteger(Number(digits)) ? BigInt(digits) : Number(digits);
    return { kind: "scalar", key, keyAt, at, value };
  }

  #member(table: Table, depth: number): void {
    const keyAt = this.#here();
    const start = this.#offset;
    if (this.#source[start] !== '"') this.#fail("a key is missing here. Keys are written in double quotes, and JSON has no comments.");
    const name = this.#string();
    if (table.entries.has(name)) this.#fail(`the key ${JSON.stringify(name)} is given twice. Remove one.`, start);
    if (this.#source[this.#offset] !== ":") this.#fail("a colon is missing after the key.");
    this.#offset += 1;
    this.#skip();
    table.entries.set(name, this.#value(keyOf(table.key, name), keyAt, depth + 1));
  }

  /** What is between the bracket here and the one that closes it. */
  #series(close: string, element: () => void): void {
    this.#offset += 1;
    this.#skip();
    if (this.#source[this.#offset] !== close) {
      element();
      while (this.#source[this.#offset] === ",") {
        this.#offset += 1;
        this.#skip();
        if (this.#source[this.#offset] === close) this.#fail(`a comma before "${close}". Remove the comma.`);
        element();
      }
    }
    if (this.#source[this.#offset] !== close) this.#fail(`"${close}" or a comma is missing here.`);
    this.#offset += 1;
    this.#skip();
  }

  #string(): string {
    const start = this.#offset;
    const raw = this.#take(string) ?? this.#fail("the string does not end on its line. Close it with a double quote.");
    const bad = badEscape.exec(raw.replaceAll("\\\\", "__"));
    if (bad) this.#fail(`JSON has no escape "${bad[0]}". Write "\\${bad[0]}".`, start + bad.index);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids them
    const control = /[\u0000-\u001f]/.exec(raw);
    if (control) this.#fail("a control character in a string. Write it as an escape.", start + control.index);
    return JSON.parse(raw);
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#offset;
    const found = pattern.exec(this.#source)?.[0];
    if (found === undefined) return undefined;
    this.#offset += found.length;
    this.#skip();
    return found;
  }

  #skip(): void {
    space.lastIndex = this.#offset;
    this.#offset += space.exec(this.#source)?.[0].length ?? 0;
  }

  #here(): Place {
    return this.#places(this.#offset);
  }

  #fail(message: string, offset = this.#offset): never {
    throw new JsonError(message, offset);
  }
}
