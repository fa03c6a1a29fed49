/** Functions of one text: case, counts, comparison, parts by position. */
import { hash } from "node:crypto";
import { mapped, type PureFunction, pure, secondIsOneOf } from "./function.ts";
import { cutText, flag, isArray, toNumber, toText } from "./value.ts";

const hashes = ["md5", "sha1", "sha256", "sha512"];

export const textFunctions: readonly PureFunction[] = [
  pure(
    "trim",
    1,
    mapped((text) => text.trim()),
  ),
  pure(
    "trim_start",
    1,
    mapped((text) => text.trimStart()),
  ),
  pure(
    "trim_end",
    1,
    mapped((text) => text.trimEnd()),
  ),
  pure(
    "to_lowercase",
    1,
    mapped((text) => cutText(text.toLowerCase())),
  ),
  pure(
    "to_uppercase",
    1,
    mapped((text) => cutText(text.toUpperCase())),
  ),
  // Only letters count: a text without any is both.
  pure(
    "is_uppercase",
    1,
    mapped((text) => flag(!/[\p{Alphabetic}--\p{Uppercase}]/v.test(text))),
  ),
  pure(
    "is_lowercase",
    1,
    mapped((text) => flag(!/[\p{Alphabetic}--\p{Lowercase}]/v.test(text))),
  ),
  pure(
    "has_digits",
    1,
    mapped((text) => flag(/[0-9]/.test(text))),
  ),
  pure("len", 1, (x = "") => (isArray(x) ? x.length : Buffer.byteLength(toText(x)))),
  pure("count_chars", 1, (x = "") => matches(toText(x), /./gsu)),
  pure("count_spaces", 1, (x = "") => matches(toText(x), /\p{White_Space}/gu)),
  pure("count_uppercase", 1, (x = "") => matches(toText(x), /\p{Uppercase}/gu)),
  pure("count_lowercase", 1, (x = "") => matches(toText(x), /\p{Lowercase}/gu)),
  pure("eq_ignore_case", 2, (a = "", b = "") => flag(asciiLower(toText(a)) === asciiLower(toText(b)))),
  pure("starts_with", 2, (text = "", prefix = "") => flag(toText(text).startsWith(toText(prefix)))),
  pure("ends_with", 2, (text = "", suffix = "") => flag(toText(text).endsWith(toText(suffix)))),
  pure("substring", 3, (text = "", start = "", count = "") => substring(toText(text), toNumber(start), toNumber(count))),
  pure(
    "strip_prefix",
    2,
    mapped((text, prefix) => (text.startsWith(toText(prefix)) ? text.slice(toText(prefix).length) : "")),
  ),
  pure(
    "strip_suffix",
    2,
    mapped((text, suffix) => (text.endsWith(toText(suffix)) ? text.slice(0, text.length - toText(suffix).length) : "")),
  ),
  pure(
    "hash",
    2,
    (text = "", algorithm = "") => (hashes.includes(toText(algorithm)) ? hash(toText(algorithm), toText(text)) : ""),
    secondIsOneOf("hash", hashes),
  ),
];

/** As host names and mail domains are folded: letters beyond ASCII stay. */
export function asciiLower(text: string): string {
  // Most texts have no capitals, and replacing costs four times as much as looking for them.
  return /[A-Z]/.test(text) ? text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : text;
}

function matches(text: string, pattern: RegExp): number {
  let count = 0;
  for (const _ of text.matchAll(pattern)) count++;
  return count;
}

/** In characters, not in the units of UTF-16. */
function substring(text: string, start: number, count: number): string {
  const from = Math.max(0, Math.trunc(start));
  return Array.from(text)
    .slice(from, from + Math.max(0, Math.trunc(count)))
    .join("");
}
