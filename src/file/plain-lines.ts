/** Lines of lists of which most are plain: these are taken where they are. To make a text of each would take longer than all else. */
import { plainEnd } from "../mail/address.ts";
import { lineFeed } from "../text/ascii.ts";

/** Each says how many entries the line has. */
export interface LineTaker {
  /** An address or a name in canonical form; there is nothing else in its line. Lines are counted from 1. */
  readonly plain: (octets: Buffer, start: number, end: number, number: number) => number;
  /** Any other line, without its end. */
  readonly other: (line: string, number: number) => number;
}

/** Of UTF-8, in their order; how many entries all of them have. */
export function takeLines(octets: Buffer, { plain, other }: LineTaker): number {
  let entries = 0;
  for (let start = 0, number = 1; start < octets.length; number += 1) {
    const end = plainEnd(octets, start);
    let next = Math.max(start, end);
    while (next < octets.length && octets[next] !== lineFeed) next += 1;
    entries += end >= 0 ? plain(octets, start, end, number) : other(octets.toString("utf8", start, next), number);
    start = next + 1;
  }
  return entries;
}
