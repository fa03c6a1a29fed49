/** Functions of arrays and of values of any type. */

import { indexOf } from "../text/search.ts";
import { type PureFunction, pure } from "./function.ts";
import { asciiLower } from "./text-functions.ts";
import { compare, flag, isArray, isTrue, toArray, toText, type Value } from "./value.ts";

export const arrayFunctions: readonly PureFunction[] = [
  pure("count", 1, (x) => toArray(x ?? "").length),
  pure("sort", 2, (x = "", ascending = "") => {
    const direction = isTrue(ascending) ? 1 : -1;
    return toArray(x).toSorted((a, b) => direction * (compare(a, b) || 0));
  }),
  pure("dedup", 1, (x = "") => distinct(toArray(x))),
  pure("winnow", 1, (x = "") => toArray(x).filter((element) => element !== "")),
  pure("is_intersect", 2, (a = "", b = "") => flag(intersects(toArray(a), toArray(b)))),
  pure("is_empty", 1, (x = "") => flag((typeof x === "string" || isArray(x)) && x.length === 0)),
  pure("is_number", 1, (x) => flag(typeof x === "number")),
  pure("contains", 2, contains),
  pure("contains_ignore_case", 2, (haystack = "", needle = "") => flag(containsIgnoreCase(haystack, toText(needle)))),
  pure("if_then", 3, (condition = "", yes = "", no = "") => (isTrue(condition) ? yes : no)),
];

/** Whether an array has an element, or a text a part. */
export function contains(haystack: Value = "", needle: Value = ""): Value {
  return flag(isArray(haystack) ? haystack.some((element) => isSame(element, needle)) : indexOf(toText(haystack), toText(needle)) >= 0);
}

/** The same type and the same value: here `'1'` is not 1. */
function isSame(a: Value, b: Value): boolean {
  if (isArray(a)) return isArray(b) && a.length === b.length && a.every((element, index) => isSame(element, b[index] ?? ""));
  return a === b;
}

/** Whether an array has an element, without a pass over it: arrays of the same types and values have the same JSON. */
function membership(elements: readonly Value[]): (value: Value) => boolean {
  const scalars = new Set(elements);
  const arrays = new Set(elements.filter(isArray).map((array) => JSON.stringify(array)));
  return (value) => (isArray(value) ? arrays.has(JSON.stringify(value)) : scalars.has(value));
}

function intersects(a: readonly Value[], b: readonly Value[]): boolean {
  return a.some(membership(b));
}

function distinct(elements: readonly Value[]): Value[] {
  const scalars = new Set<Value>();
  const arrays = new Set<string>();
  return elements.filter((element) => (isArray(element) ? isNew(arrays, JSON.stringify(element)) : isNew(scalars, element)));
}

function isNew<T>(seen: Set<T>, value: T): boolean {
  const before = seen.size;
  return seen.add(value).size > before;
}

function containsIgnoreCase(haystack: Value, needle: string): boolean {
  if (!isArray(haystack)) return indexOf(toText(haystack).toLowerCase(), needle.toLowerCase()) >= 0;
  const wanted = asciiLower(needle);
  return haystack.some((element) => asciiLower(toText(element)) === wanted);
}
