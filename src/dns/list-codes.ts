/** Codes of DNS lists, which are IPv4 addresses (RFC 5782 2.1): one, a range, a network, or numbers by octet as Postfix has them. */
import { isNetwork, networks, quadNumber } from "../mail/ip.ts";

export interface CodePattern {
  has(code: string): boolean;
  /** The least code and the greatest, as numbers of 32 bits without a sign. */
  readonly first: number;
  readonly last: number;
  /** Every code between them, too. */
  readonly isRange: boolean;
}

/** `127.0.0.2`, `127.0.0.2-127.0.0.11`, `127.0.0.0/24`, `127.0.[0..255].[1;3..5]`. `undefined`: it is none of them. */
export function parseCodes(text: string): CodePattern | undefined {
  if (text.includes("/")) return networkCodes(text);
  if (text.includes("[")) return octetCodes(text);
  const [from = "", to = from, ...others] = text.split("-").map((part) => part.trim());
  const [first, last] = [numberOf(from), numberOf(to)];
  if (first === undefined || last === undefined || last < first || others.length > 0) return undefined;
  return range(first, last);
}

function range(first: number, last: number): CodePattern {
  const has = (code: string) => {
    const number = numberOf(code);
    return number !== undefined && first <= number && number <= last;
  };
  return { has, first, last, isRange: true };
}

function networkCodes(text: string): CodePattern | undefined {
  const [address = "", prefix = ""] = text.split("/");
  const base = numberOf(address);
  if (base === undefined || !isNetwork(text)) return undefined;
  const size = 2 ** (32 - Number(prefix));
  const first = base - (base % size);
  return { has: networks([text]), first, last: first + size - 1, isRange: true };
}

type OctetRange = readonly [from: number, to: number];

function octetCodes(text: string): CodePattern | undefined {
  const octets = (text.match(/\[[^\]]*\]|[^.[\]]+/g) ?? []).map(octetRanges);
  // Put together again, it is what was written.
  const isWhole = /^(?:\d+|\[[\d.;]+\])(?:\.(?:\d+|\[[\d.;]+\])){3}$/.test(text);
  if (!isWhole || octets.length !== 4 || octets.some((ranges) => ranges === undefined)) return undefined;
  const known = octets as readonly (readonly OctetRange[])[];
  const has = (code: string) => {
    const numbers = code.split(".").map(Number);
    return (
      numbers.length === 4 && numbers.every((octet, index) => known[index]?.some(([from, to]) => from <= octet && octet <= to) === true)
    );
  };
  const bound = (of: (ranges: readonly OctetRange[]) => number) => known.reduce((number, ranges) => number * 256 + of(ranges), 0);
  return {
    has,
    first: bound((ranges) => Math.min(...ranges.map(([from]) => from))),
    last: bound((ranges) => Math.max(...ranges.map(([, to]) => to))),
    isRange: false,
  };
}

/** `7`, `[2..11]` or `[4;10..12]`. */
function octetRanges(text: string): readonly OctetRange[] | undefined {
  const ranges: OctetRange[] = [];
  for (const part of text.replace(/^\[|\]$/g, "").split(";")) {
    const [, from = "", to = from] = /^(\d{1,3})(?:\.\.(\d{1,3}))?$/.exec(part) ?? [];
    if (from === "" || Number(to) > 255 || Number(to) < Number(from)) return undefined;
    ranges.push([Number(from), Number(to)]);
  }
  return ranges;
}

function numberOf(text: string): number | undefined {
  const quad = quadNumber(text);
  return quad === undefined ? undefined : quad >>> 0;
}
