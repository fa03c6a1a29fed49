/** The modifiers of `set` (RFC 5229 4.1 and others): what each makes of a text, and in which order. */

import { lowerLetters, upperLetters } from "../../text/letter-case.ts";
import { indexOf } from "../../text/search.ts";

export interface Modifier {
  readonly name: string;
  /** Those of a higher one are applied first; of one precedence there is at most one. */
  readonly precedence: number;
  readonly capability?: string;
  readonly apply: (text: string) => string;
}

export const modifiers: readonly Modifier[] = [
  { name: "lower", precedence: 40, apply: lowerLetters },
  { name: "upper", precedence: 40, apply: upperLetters },
  { name: "lowerfirst", precedence: 30, apply: (text) => withFirst(text, lowerLetters) },
  { name: "upperfirst", precedence: 30, apply: (text) => withFirst(text, upperLetters) },
  { name: "quotewildcard", precedence: 20, apply: (text) => text.replace(/[*?\\]/g, "\\$&") },
  { name: "quoteregex", precedence: 20, capability: "regex", apply: (text) => text.replace(/[\\^$.|?*+()[\]{}]/g, "\\$&") },
  // RFC 5435 section 6: all but the unreserved characters of RFC 3986.
  { name: "encodeurl", precedence: 15, apply: encodeUrl },
  { name: "length", precedence: 10, apply: (text) => String(lengthOf(text)) },
];

/** `:replace "from" "to"`: before all others. Beyond `longest` characters it stops. */
export function replaceAll(text: string, from: string, to: string, longest: number): string {
  if (from === "") return text;
  let replaced = "";
  let last = 0;
  for (let at = indexOf(text, from); at >= 0 && replaced.length <= longest; at = indexOf(text, from, last)) {
    replaced += text.slice(last, at) + to;
    last = at + from.length;
  }
  return replaced + text.slice(last);
}

/** In characters, not in UTF-16 units. */
function lengthOf(text: string): number {
  let length = 0;
  for (const _ of text) length += 1;
  return length;
}

function withFirst(text: string, change: (first: string) => string): string {
  const first = String.fromCodePoint(text.codePointAt(0) ?? 0x20);
  return text === "" ? "" : change(first) + text.slice(first.length);
}

function encodeUrl(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
