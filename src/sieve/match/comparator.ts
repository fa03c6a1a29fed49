/** Comparators: when two texts are equal, and which comes first (RFC 4790 section 9; RFC 5228 2.7.3). */

import { asciiLower } from "../../expr/text-functions.ts";
import { compare } from "../../expr/value.ts";
import { didYouMean } from "../../text/did-you-mean.ts";
import { upperLetters } from "../../text/letter-case.ts";
import type { Arguments, ScriptContext } from "../compile/definition.ts";

/** The part of a text of which this part of the folded form was made. */
export type Cut = (start: number, end: number) => string;

export interface Comparator {
  readonly name: string;
  /** Texts are equal if their folded forms are. */
  readonly fold: (text: string) => string;
  /** How many characters folding one is as much work as. */
  readonly work: number;
  /** Of folded texts: negative, zero or positive. */
  readonly order: (a: string, b: string) => number;
  /** For parts of a text by their places in the folded form. */
  readonly cutter: (text: string) => Cut;
  /** Whether it knows parts of texts, so that `:contains`, `:matches` and `:regex` have a meaning. */
  readonly hasParts: boolean;
}

const inPlace =
  (text: string): Cut =>
  (start, end) =>
    text.slice(start, end);

const octet: Comparator = { name: "i;octet", fold: (text) => text, work: 1, order: compare, cutter: inPlace, hasParts: true };

const asciiCasemap: Comparator = {
  name: "i;ascii-casemap",
  fold: asciiLower,
  work: 1,
  // RFC 4790 9.2.1 orders capitals, so that `_` comes after all letters.
  order: (a, b) => compare(asciiUpper(a), asciiUpper(b)),
  cutter: inPlace,
  hasParts: true,
};

/** RFC 5051: letters of either case are one, and composed characters are what they are made of. */
const unicodeCasemap: Comparator = {
  name: "i;unicode-casemap",
  fold: unicodeFold,
  work: 32,
  order: compare,
  cutter: unicodeCut,
  hasParts: true,
};

export const asciiNumeric: Comparator = {
  name: "i;ascii-numeric",
  fold: leadingNumber,
  work: 1,
  order: orderNumbers,
  cutter: inPlace,
  hasParts: false,
};

const comparators: ReadonlyMap<string, Comparator> = new Map(
  [octet, asciiCasemap, unicodeCasemap, asciiNumeric].map((record) => [record.name, record]),
);

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
  context.needs(`comparator-${comparator.name}`, name.offset, `comparator "${comparator.name}"`);
  return comparator;
}

function asciiUpper(text: string): string {
  return text.replace(/[a-z]+/g, (letters) => letters.toUpperCase());
}

function unicodeFold(text: string): string {
  return upperLetters(text).normalize("NFKD");
}

/** The places are counted when the first part is cut. */
function unicodeCut(text: string): Cut {
  let places: readonly number[] | undefined;
  return (start, end) => {
    places ??= placesInFolded(text);
    return text.slice(places[start] ?? text.length, places[end] ?? text.length);
  };
}

/** Of each unit of the folded form, where the character begins that it was made of. */
function placesInFolded(text: string): readonly number[] {
  const places: number[] = [];
  let at = 0;
  for (const character of text) {
    for (let units = unicodeFold(character).length; units > 0; units--) places.push(at);
    at += character.length;
  }
  return places;
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
