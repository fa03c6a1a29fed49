/** What functions are: those that ask nothing, and those that ask the world. */

import type { Answer } from "../answer/answer.ts";
import { didYouMean } from "../text/did-you-mean.ts";
import type { Ask, Names, OnMiss } from "./ask.ts";
import type { OnDoubt } from "./expression.ts";
import { isArray, toText, type Value } from "./value.ts";

/** The same parameters always give the same value. */
export interface PureFunction {
  readonly name: string;
  /** The number of parameters. */
  readonly arity: 1 | 2 | 3;
  /** Called with exactly that many. */
  readonly evaluate: (...parameters: Value[]) => Value;
  /** For functions that would answer a wrong constant with false or nothing at each call. */
  readonly check?: ConstantCheck;
  /** How many characters it goes through, where those are more than it is given. */
  readonly work?: (...parameters: Value[]) => number;
}

/** What is wrong with one of the parameters, by its index. */
export interface ParameterProblem {
  readonly problem: string;
  readonly parameter: number;
  /** The call has an answer all the same. */
  readonly isWarning?: true;
}

/** Of parameters as far as they are constants. */
export type ConstantCheck = (constants: readonly (Value | undefined)[]) => ParameterProblem | undefined;

export function pure(name: string, arity: 1 | 2 | 3, evaluate: PureFunction["evaluate"], check?: ConstantCheck): PureFunction {
  return check ? { name, arity, evaluate, check } : { name, arity, evaluate };
}

/** The second of two parameters is one of few texts. */
export function secondIsOneOf(name: string, choices: readonly string[]): ConstantCheck {
  const possible = choices.map((choice) => `'${choice}'`).join(", ");
  return ([first, second]) => {
    if (second !== undefined)
      return choices.includes(toText(second)) ? undefined : { problem: `${name} takes one of ${possible} here.`, parameter: 1 };
    const text = first === undefined ? "" : toText(first);
    return choices.includes(text)
      ? { problem: `${name} takes one of ${possible} second. Write '${text}' there.`, parameter: 0, isWarning: true }
      : undefined;
  };
}

/** Of a text; an array is mapped. */
export function mapped(f: (text: string, other: Value) => Value): PureFunction["evaluate"] {
  return (of, other = "") => (isArray(of) ? of.map((element) => f(toText(element), other)) : f(toText(of), other));
}

export interface SqlStatement {
  /** `''` and `'*'`: the data store. */
  readonly store: string;
  readonly sql: string;
  /** The index of the parameter that it is. */
  readonly parameter: number;
}

/** What compiling needs to know of one call. */
export type Inspection =
  /** `statement`: one that is the same at every call. `lists`: those that it may ask. */
  | {
      readonly waits: boolean;
      readonly statement?: SqlStatement;
      readonly lists?: Iterable<string>;
      readonly warning?: ParameterProblem | undefined;
    }
  | ParameterProblem;

/** Parameters as far as they are literal texts. */
export type Literals = readonly (string | undefined)[];
/** The number of elements of an array that is written out; 1 for a literal. */
export type Counts = readonly (number | undefined)[];

export interface AskFunction {
  readonly name: string;
  /** The numbers of parameters that it takes. */
  readonly arities: readonly number[];
  inspect(literals: Literals, names: Names, counts: Counts): Inspection;
  /** `onMiss`: for who asks lists. `onDoubt`: for who gives a value where a source cannot tell. */
  ask(ask: Ask, parameters: readonly Value[], onMiss?: OnMiss, onDoubt?: OnDoubt): Answer<Value>;
}

export function unknown(kind: "directory" | "lookup" | "store", name: string, known: Iterable<string>): string {
  return `unknown ${kind} "${name}".${didYouMean(name, known) || ` Define it, or use '' for the default.`}`;
}
