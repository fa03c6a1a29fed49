/** The public face of the expression language: what is compiled, against which vocabulary, and how it is asked. */

import type { Answer } from "../answer/answer.ts";
import { TemporaryError } from "../answer/temporary-error.ts";
import type { Pattern } from "../text/pattern.ts";
import type { Ask, DnsListSubject, Names, OnMiss } from "./ask.ts";
import type { AskFunction, PureFunction } from "./function.ts";
import type { Pull } from "./pull.ts";
import type { Value } from "./value.ts";

/** What an expression may name. `S` is what it is evaluated against, such as a session with its current recipient. */
export interface Vocabulary<S> {
  readonly variables: VariableTable<S>;
  /** Variables whose text, if it is a number as numbers are written, acts as one beside operators. */
  readonly mayHoldNumber?: (name: string) => boolean;
  /** Variables that exist elsewhere: named in the error "… is not known at this stage". */
  readonly elsewhere?: ReadonlySet<string>;
  readonly constants?: ReadonlySet<string>;
  /** Functions that only this vocabulary has; they hide others of the same name. */
  readonly functions?: ReadonlyMap<string, AskFunction | PureFunction>;
  /** What DNS lists are asked about, as far as it is known here; `""`: nothing is asked. */
  readonly listed?: ReadonlyMap<DnsListSubject, (subject: S) => string>;
  /** `$0` and so on until the expression itself has called `matches`. */
  readonly captures?: (subject: S) => readonly string[];
  /** Called with the pattern of each `matches` that is compiled, and its offset. */
  readonly onPattern?: (pattern: Pattern, offset: number) => void;
  /** Called with what is probably a mistake, and compiles. */
  readonly onWarning?: (warning: ExpressionError) => void;
  /** Why a variable is surely not meant to be compared with this constant, and what to write; `undefined`: it may be. */
  readonly mistakenComparison?: (variable: string, constant: Value) => string | undefined;
  /** Called before each `matches`; it may throw. */
  readonly onMatch?: (subject: S, pattern: Pattern, text: string) => void;
  /** Called before each question to a source; it may throw. */
  readonly onAsk?: (subject: S) => void;
  /** Called with what each function and operator came to, and with the work beside it, in characters; it may throw, and have the evaluation wait. */
  readonly onStep?: (subject: S, value: Value, work: number) => Promise<void> | undefined;
  readonly names: Names;
}

/** A Map, or what is read like one. */
export type VariableTable<S> = Pick<ReadonlyMap<string, (subject: S) => Value>, "get" | "has" | "keys">;

/** A compiled expression or rule set. Captures live for one evaluation. */
export interface Expression<S> {
  /** Whether `evaluate` may return a promise; false means that it never does. */
  readonly waits: boolean;
  /** The names of the variables used. */
  readonly variables: ReadonlySet<string>;
  /** By the names of variables that are results, where another one than `temperror` can do one thing only to the value. */
  readonly pulls?: ReadonlyMap<string, Pull>;
  /** The names of the look-ups that it may ask. `undefined`: none. */
  readonly lists?: ReadonlySet<string> | undefined;
  /** Its value, if that depends on no variable, capture or source. */
  readonly constant: Value | undefined;
  /** Whether it names a DNS list; `undefined`: no. */
  readonly namesDnsLists?: boolean;
  /** Throws or rejects with a `TemporaryError` when a source cannot tell; of a list `onDoubt` hears. */
  evaluate(subject: S, ask: Ask, onDoubt?: OnDoubt): Answer<Value>;
}

/** What could not tell: a list, in the DNS or in a file that may not be whole, which was taken as having nothing; or the DNS, where that is a value. */
export interface Doubt {
  readonly what: string;
  /** What a listing would have done to the value. */
  readonly pull: Pull;
  readonly cause: TemporaryError;
}

export type OnDoubt = (doubt: Doubt) => void;

/** What a list in a file misses, while it may not be whole, is a doubt. */
export function missesOf(onDoubt: OnDoubt | undefined, pull: Pull): OnMiss | undefined {
  return onDoubt && ((list, why) => onDoubt({ what: `list ${list}`, pull, cause: new TemporaryError(why) }));
}

/** One expression as written, or a number or boolean written without quotes. */
export interface RuleSource {
  readonly if: string;
  readonly then: string;
}

/** A rule set as written: the first true `if` selects its `then`; if there is none, `else` is taken. */
export interface RuleSetSource {
  readonly rules: readonly RuleSource[];
  readonly else: string;
}

/** What is wrong with an expression, where, and how to fix it. */
export class ExpressionError extends Error {
  override name = "ExpressionError";
  /** Into the source of the expression, in UTF-16 units; at most its length. */
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.offset = offset;
  }
}
