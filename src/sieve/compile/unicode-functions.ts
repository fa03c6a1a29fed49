/** Functions of texts that only expressions of scripts have: what look-alike names are found out by. */
import { domainToUnicode } from "node:url";
import { type PureFunction, pure } from "../../expr/function.ts";
import { flag, isArray, toText, type Value } from "../../expr/value.ts";

export const unicodeFunctions: readonly PureFunction[] = [
  pure("is_ascii", 1, (x = "") => flag(isAscii(x))),
  pure("has_zwsp", 1, (text = "") => flag(invisible.test(toText(text)))),
  pure("puny_decode", 1, (domain = "") => decodePunycode(toText(domain))),
  {
    name: "levenshtein_distance",
    arity: 2,
    evaluate: (a = "", b = "") => distance(Array.from(toText(a)), Array.from(toText(b))),
    work: (a = "", b = "") => Math.min(toText(a).length, 2 * maxCompared) * Math.min(toText(b).length, 2 * maxCompared),
  },
];

function isAscii(value: Value): boolean {
  return isArray(value) ? value.every(isAscii) : /^\p{ASCII}*$/u.test(toText(value));
}

/** Soft hyphen, zero width space, non-joiner and joiner, word joiner, zero width no-break space. */
const invisible = /[\u{ad}\u{200b}-\u{200d}\u{2060}\u{feff}]/u;

/** RFC 1035 2.3.4. Nothing longer is a domain, and decoding takes the square of the length. */
const maxDomainLength = 255;

/** Each A-label to its U-label; one that stands for nothing stays. */
function decodePunycode(domain: string): string {
  if (domain.length > maxDomainLength || !/xn--/i.test(domain)) return domain;
  const labels = domain.split(".");
  return labels.map((label) => (/^xn--/i.test(label) ? domainToUnicode(label) || label : label)).join(".");
}

/** Characters: it takes the product of both lengths. */
const maxCompared = 255;

/** How many characters must be put in, left out or changed to make one of the other; of longer texts it is the length of the longer. */
function distance(a: readonly string[], b: readonly string[]): number {
  const most = Math.max(a.length, b.length);
  if (most > maxCompared) return most;
  let above = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [row, character] of a.entries()) {
    const line = [row + 1];
    for (const [column, other] of b.entries()) {
      const changed = (above[column] ?? 0) + (character === other ? 0 : 1);
      line.push(Math.min(changed, (above[column + 1] ?? 0) + 1, (line[column] ?? 0) + 1));
    }
    above = line;
  }
  return above[b.length] ?? most;
}
