/** Comparators: when two texts are equal, and which comes first (RFC 4790 section 9; RFC 5228 2.7.3). */

import { asciiLower } from "../../expr/text-functions.ts";
import { compare } from "../../expr/value.ts";
import { didYouMean } from "../../text/did-you-mean.ts";
import type { Arguments, ScriptContext } from "../compile/definition.ts";

export interface Comparator {
  readonly name: string;
  /** Texts are equal if their folded forms are. */
  readonly fold: (text: string) => string;
  /** Of folded texts: negative, zero or positive. */
  readonly order: (a: string, b: string) => number;
  /** Whether it knows parts of texts, so that `:contains`, `:matches` and `:regex` have a meaning. */
  readonly hasParts: boolean;
}

const octet: Comparator = { name: "i;octet", fold: (text) => text, order: compare, hasParts: true };

const asciiCasemap: Comparator = {
  name: "i;ascii-casemap",
  fold: asciiLower,
  // RFC 4790 9.2.1 orders capitals, so that `_` comes after all letters.
  order: (a, b) => compare(asciiUpper(a), asciiUpper(b)),
  hasParts: true,
};

export const asciiNumeric: Comparator = { name: "i;ascii-numeric", fold: leadingNumber, order: orderNumbers, hasParts: false };

const comparators: ReadonlyMap<string, Comparator> = new Map([octet, asciiCasemap, asciiNumeric].map((record) => [record.name, record]));

/** What `:comparator` names. `undefined`: an error was reported. */
export function comparatorOf(args: Arguments, context: ScriptContext): Comparator | undefined {
  const name = args.tag("comparator")?.text();
  if (name === undefined) return asciiCasemap;
  if (name.constant === undefined) {
    context.error(name.offset, "the comparator has to be known when the script is loaded. Write its name without variables.");
    return undefined;
  }
  const comparator = comparators.get(name.constant);
  if (!comparator) {
    const mend = didYouMean(name.constant, comparators.keys()) || ` Known are ${[...comparators.keys()].join(", ")}.`;
    context.error(name.offset, `unknown comparator "${name.constant}".${mend}`);
    return undefined;
  }
  // RFC 5228 2.7.3: the other two need not be required.
  if (comparator === asciiNumeric) context.needs("comparator-i;ascii-numeric", name.offset, `comparator "${name.constant}"`);
  return comparator;
}

function asciiUpper(text: string): string {
  return text.replace(/[a-z]+/g, (letters) => letters.toUpperCase());
}

const infinity = "";

/** The digits that a text begins with, without leading zeros; a text that begins with none is infinity (RFC 4790 9.1.1). */
function leadingNumber(text: string): string {
  const digits = /^[0-9]+/.exec(text)?.[0];
  return digits === undefined ? infinity : digits.replace(/^0+(?=[0-9])/, "");
}

function orderNumbers(a: string, b: string): number {
  if (a === infinity || b === infinity) return Number(a === infinity) - Number(b === infinity);
  return a.length - b.length || compare(a, b);
}
