/** Arithmetic, comparison and indexing. Short-circuit operators are not here: they do not always evaluate both sides. */
import type { BinaryOperator } from "./token.ts";
import { clamp, compare, cutText, flag, isArray, isEqual, isTrue, maxElements, toArray, toNumber, toText, type Value } from "./value.ts";

type EagerOperator = Exclude<BinaryOperator, "&&" | "||">;

export const operators: Readonly<Record<EagerOperator, (left: Value, right: Value) => Value>> = {
  "*": (left, right) => clamp(toNumber(left) * toNumber(right)),
  "/": (left, right) => divide(toNumber(left), toNumber(right)),
  "+": add,
  "-": subtract,
  ">": (left, right) => flag(compare(left, right) > 0),
  ">=": (left, right) => flag(compare(left, right) >= 0),
  "<": (left, right) => flag(compare(left, right) < 0),
  "<=": (left, right) => flag(compare(left, right) <= 0),
  "==": (left, right) => flag(isEqual(left, right)),
  "!=": (left, right) => flag(!isEqual(left, right)),
  "^": (left, right) => flag(isTrue(left) !== isTrue(right)),
};

export const unaryOperators: Readonly<Record<"!" | "-", (operand: Value) => Value>> = {
  "!": (operand) => flag(!isTrue(operand)),
  "-": (operand) => clamp(-toNumber(operand)),
};

/** `''` when there is no such element; an index that is not a number is 0. */
export function elementAt(of: Value, index: Value): Value {
  const position = Math.trunc(toNumber(index));
  return position < 0 ? "" : (toArray(of)[position] ?? "");
}

function divide(left: number, right: number): number {
  return right === 0 ? 0 : clamp(left / right);
}

/** An empty text beside anything yields the other side with its type, so `'' + 5` is a number. */
function add(left: Value, right: Value): Value {
  if (typeof left === "number" && typeof right === "number") return clamp(left + right);
  if (isArray(left) || isArray(right)) return elements(left).concat(elements(right)).slice(0, maxElements);
  if (left === "") return right;
  if (right === "") return left;
  return cutText(toText(left) + toText(right));
}

/** Unlike `toArray` it keeps the empty text as an element. */
function elements(value: Value): readonly Value[] {
  return isArray(value) ? value : [value];
}

/** With an array on one side: its elements that do not equal the other side. */
function subtract(left: Value, right: Value): Value {
  if (isArray(left)) return left.filter((element) => !isEqual(element, right));
  if (isArray(right)) return right.filter((element) => !isEqual(element, left));
  return clamp(toNumber(left) - toNumber(right));
}
