/** What a function is that asks nothing: the same parameters always give the same value. */
import { isArray, toText, type Value } from "./value.ts";

export interface PureFunction {
  readonly name: string;
  /** The number of parameters. */
  readonly arity: 1 | 2 | 3;
  /** Is given exactly that many. */
  readonly evaluate: (...parameters: Value[]) => Value;
  /** The only texts that a parameter, by its index, may be: a literal that is none of them is an error. */
  readonly choices?: { readonly parameter: number; readonly of: readonly string[] };
}

export function pure(name: string, arity: 1 | 2 | 3, evaluate: PureFunction["evaluate"], choices?: PureFunction["choices"]): PureFunction {
  return choices ? { name, arity, evaluate, choices } : { name, arity, evaluate };
}

/** Of a text; an array is mapped. */
export function mapped(f: (text: string, other: Value) => Value): PureFunction["evaluate"] {
  return (of, other = "") => (isArray(of) ? of.map((element) => f(toText(element), other)) : f(toText(of), other));
}
