/** What a function is that asks the world: what may be asked of what, whether it may wait, and what the answer becomes. */

import type { Answer } from "../answer/answer.ts";
import { didYouMean } from "../text/did-you-mean.ts";
import type { Ask, Names } from "./ask.ts";
import type { Value } from "./value.ts";

/** What compiling needs to know of one call. */
export type Inspection =
  | { readonly waits: boolean }
  /** The parameter, by its index, that cannot be. */
  | { readonly problem: string; readonly parameter: number };

/** Parameters as far as they are literal texts. */
export type Literals = readonly (string | undefined)[];
/** Of an array as it is written the number of elements, of a literal 1. */
export type Counts = readonly (number | undefined)[];

export interface AskFunction {
  readonly name: string;
  /** The numbers of parameters that it takes. */
  readonly arities: readonly number[];
  inspect(literals: Literals, names: Names, counts: Counts): Inspection;
  ask(ask: Ask, parameters: readonly Value[]): Answer<Value>;
}

export function unknown(kind: "directory" | "lookup" | "store", name: string, known: Iterable<string>): string {
  return `unknown ${kind} "${name}".${didYouMean(name, known) || ` Define it, or use '' for the default.`}`;
}
