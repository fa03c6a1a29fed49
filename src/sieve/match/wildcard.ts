/** Patterns of `:matches`: `*` is any run of characters, `?` one character, `\x` the character x (RFC 5228 2.7.1). */

import { indexOf } from "../../text/search.ts";
import type { Cut } from "./comparator.ts";

const any = -1;

/** What is between two `*`: code points and `any`. */
interface Segment {
  readonly tokens: readonly number[];
  /** The same as a text, if it has no `?`. */
  readonly literal: string | undefined;
}

export interface Wildcard {
  /** One more than there are `*`: the first begins the text, the last ends it. */
  readonly segments: readonly Segment[];
  /** Characters of the pattern, folded. */
  readonly length: number;
}

/** `fold` is done to what stands for itself: what it makes of a character is no wildcard. */
export function parseWildcard(pattern: string, fold: (literal: string) => string): Wildcard {
  const segments: Segment[] = [];
  let tokens: number[] = [];
  let literal = "";
  let length = pattern.length;
  let isEscaped = false;
  const endLiteral = () => {
    const folded = fold(literal);
    for (const char of folded) tokens.push(char.codePointAt(0) ?? 0);
    length += folded.length - literal.length;
    literal = "";
  };
  const endSegment = () => {
    endLiteral();
    segments.push(segmentOf(tokens));
    tokens = [];
  };
  for (const char of pattern) {
    if (!isEscaped && char === "*") {
      endSegment();
    } else if (!isEscaped && char === "?") {
      endLiteral();
      tokens.push(any);
    } else if (isEscaped || char !== "\\") {
      literal += char;
    }
    isEscaped = char === "\\" && !isEscaped;
  }
  // There is nothing left that it could escape.
  if (isEscaped) literal += "\\";
  endSegment();
  return { segments, length };
}

function segmentOf(tokens: readonly number[]): Segment {
  const literal = tokens.includes(any) ? undefined : tokens.map((token) => String.fromCodePoint(token)).join("");
  return { tokens, literal };
}

/**
 * `undefined`: the text does not match as a whole. Otherwise the match variables (RFC 5229 3.2): the whole, and what each `*` and
 * `?` stands for, each `*` from the left being as short as it can. They are cut from `original` by `cut`, from
 * places in `text`, which is its folded form. `work` is called with the number of characters looked at between the first segment and the last, and may throw.
 */
export function matchWildcard(
  { segments }: Wildcard,
  text: string,
  original: string,
  work: (characters: number) => void,
  cut: Cut = (start, end) => original.slice(start, end),
): readonly string[] | undefined {
  const [first, last] = [segments[0], segments.at(-1)];
  if (!first || !last) return undefined;
  let at = endOf(first, text, 0);
  if (at < 0) return undefined;
  const values = [original];
  takeSingle(first, text, 0, cut, values);
  if (segments.length === 1) return at === text.length ? values : undefined;
  const tail = startOfLast(last, text);
  if (at > tail || endOf(last, text, tail) < 0) return undefined;
  for (let index = 1; index < segments.length - 1; index++) {
    const segment = segments[index] ?? last;
    // The leftmost place leaves the most for the segments after it: if they do not fit then, they never do.
    const start = find(segment, text, at, work);
    if (start < 0) return undefined;
    values.push(cut(at, start));
    takeSingle(segment, text, start, cut, values);
    at = endOf(segment, text, start);
  }
  if (at > tail) return undefined;
  values.push(cut(at, tail));
  takeSingle(last, text, tail, cut, values);
  return values;
}

/** Where the segment ends that begins at `at`; -1: it does not match there. */
function endOf({ tokens, literal }: Segment, text: string, at: number): number {
  if (literal !== undefined) return text.startsWith(literal, at) ? at + literal.length : -1;
  let end = at;
  for (const token of tokens) {
    const found = text.codePointAt(end);
    if (found === undefined || (token !== any && token !== found)) return -1;
    end += widthOf(found);
  }
  return end;
}

/** Where the segment begins if it ends the text; -1: the text is too short. */
function startOfLast({ tokens, literal }: Segment, text: string): number {
  if (literal !== undefined) return text.length - literal.length;
  let start = text.length;
  for (let left = tokens.length; left > 0 && start >= 0; left--) start -= widthOf(text.codePointAt(start - 2) ?? 0);
  return start;
}

/** Where the segment matches first, not before `from`; -1: nowhere. */
function find(segment: Segment, text: string, from: number, work: (characters: number) => void): number {
  const { tokens, literal } = segment;
  if (literal !== undefined) {
    const found = indexOf(text, literal, from);
    work((found < 0 ? text.length : found) - from + literal.length);
    return found;
  }
  for (let start = from; start <= text.length - tokens.length; start += widthOf(text.codePointAt(start) ?? 0)) {
    work(tokens.length);
    if (endOf(segment, text, start) >= 0) return start;
  }
  return -1;
}

/** Adds what each `?` of a segment stands for that begins at `at`. */
function takeSingle({ tokens, literal }: Segment, text: string, at: number, cut: Cut, values: string[]): void {
  if (literal !== undefined) return;
  let end = at;
  for (const token of tokens) {
    const start = end;
    end += widthOf(text.codePointAt(start) ?? 0);
    if (token === any) values.push(cut(start, end));
  }
}

/** In UTF-16 units. RFC 5228 2.7.1 counts octets under both comparators; but nobody can use half a character. */
function widthOf(codePoint: number): number {
  return codePoint > 0xffff ? 2 : 1;
}
