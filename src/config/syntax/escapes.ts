/**
 * Escapes in quoted text. Strings of TOML may hold escapes that TOML lacks (`"\."`): they are taken as they are,
 * since regular expressions are commonly written so.
 */

import { countBefore } from "../../text/place.ts";

interface LenientText {
  /** Valid for a parser that knows only the escapes of TOML 1.0. */
  readonly text: string;
  /** From an offset in `text` to one in the text that was given. */
  original(offset: number): number;
  /** Where, in the text that was given, a backslash had to be doubled. */
  readonly doubled: readonly number[];
}

const quotedOrComment = /#[^\n]*|"""(?:\\[\s\S]|[^\\])*?"{3,5}|'''[\s\S]*?'{3,5}|"(?:\\.|[^"\\\n])*"|'[^'\n]*'/g;
const escaped = /\\(?:u[\da-fA-F]{4}|U[\da-fA-F]{8}|["\\bfnrt]|[ \t]*\r?\n|())/g;

export function doubleUnknownEscapes(source: string): LenientText {
  const doubled: number[] = [];
  const text = source.replace(quotedOrComment, (token, start: number) => {
    if (!token.startsWith('"')) return token;
    return token.replace(escaped, (known, unknown: string | undefined, at: number) => {
      if (unknown === undefined) return known;
      doubled.push(start + at);
      return "\\\\";
    });
  });
  const inText = doubled.map((at, index) => at + index);
  return {
    text,
    doubled,
    original: (offset) => offset - countBefore(offset, inText),
  };
}

/** Where in `source` the character at `index` of the value is, for a string of TOML or JSON that begins at `start`. */
export function offsetInSource(source: string, start: number, index: number): number {
  const quote = /"""|'''|"|'/y;
  quote.lastIndex = start;
  const delimiter = quote.exec(source)?.[0] ?? "";
  let at = start + delimiter.length;
  if (delimiter.length === 3) at += /^\r?\n/.exec(source.slice(at, at + 2))?.[0].length ?? 0;
  for (let count = 0; count < index && at < source.length; ) {
    const isEscape = delimiter.startsWith('"') && source[at] === "\\";
    // The end of a line is one character of the value, also where the file has two.
    const [length, width] = isEscape ? escapeAt(source, at) : [source.startsWith("\r\n", at) ? 2 : 1, 1];
    at += length;
    count += width;
  }
  return at;
}

/** How long the escape is in the text, and how many UTF-16 units it stands for. */
function escapeAt(source: string, at: number): readonly [length: number, width: number] {
  const letter = source[at + 1];
  if (letter === "u") return [6, 1];
  if (letter === "U") return [10, Number.parseInt(source.slice(at + 2, at + 10), 16) > 0xffff ? 2 : 1];
  if (letter !== undefined && '"\\/bfnrt'.includes(letter)) return [2, 1];
  const lineEnd = /^\\[ \t]*\r?\n\s*/.exec(source.slice(at))?.[0];
  return lineEnd === undefined ? [1, 1] : [lineEnd.length, 0];
}
