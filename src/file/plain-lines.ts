/** Lines of lists of which most are plain: these are taken where they are. To make a text of each would take longer than all else. */
import { plainEnd } from "../mail/address.ts";

/** Each says how many entries the line has. */
export interface LineTaker {
  /** An address or a name in canonical form; there is nothing else in its line. Lines are counted from 1. */
  readonly plain: (text: string, start: number, end: number, number: number) => number;
  /** Any other line, without its end. */
  readonly other: (line: string, number: number) => number;
}

/** In their order; how many entries all of them have. */
export function takeLines(text: string, { plain, other }: LineTaker): number {
  let entries = 0;
  for (let start = 0, number = 1; start < text.length; number += 1) {
    const end = plainEnd(text, start);
    const feed = text.indexOf("\n", Math.max(start, end));
    const next = feed < 0 ? text.length : feed;
    entries += end >= 0 ? plain(text, start, end, number) : other(text.slice(start, next), number);
    start = next + 1;
  }
  return entries;
}
