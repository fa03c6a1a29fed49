/** What the value of an expression means to the setting that reads it. `undefined` is "none": off, or the setting's default. */
import { parseDuration } from "../text/duration.ts";
import { isArray, isTrue, parseNumber, type Value } from "./value.ts";

export function asBoolean(value: Value): boolean {
  return isTrue(value);
}

/** Only a text counts; `''` is one. */
export function asString(value: Value): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** In milliseconds, more than 0. A text is read as a duration, `5m`. */
export function asDuration(value: Value): number | undefined {
  const ms = typeof value === "string" ? parseDuration(value) : value;
  return typeof ms === "number" && ms > 0 ? ms : undefined;
}

/** A whole number from 0; fractions are cut off. */
export function asCount(value: Value): number | undefined {
  const number = typeof value === "string" ? parseNumber(value) : value;
  return typeof number === "number" && number >= 0 ? Math.trunc(number) : undefined;
}

/** One of `names`, as a constant or as text in either case. */
export function asConstant<const T extends string>(value: Value, names: readonly T[]): T | undefined {
  if (typeof value === "number" || isArray(value)) return undefined;
  const given = typeof value === "string" ? value : value.constant;
  const at = (names as readonly string[]).indexOf(given);
  if (at >= 0) return names[at];
  const wanted = given.toLowerCase();
  return names.find((name) => name.toLowerCase() === wanted);
}
