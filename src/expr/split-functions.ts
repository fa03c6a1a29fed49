/** Functions that split a text. */

import { indexOf, lastIndexOf } from "../text/search.ts";
import { type PureFunction, pure } from "./function.ts";
import { maxElements, toNumber, toText, type Value } from "./value.ts";

export const splitFunctions: readonly PureFunction[] = [
  pure("split", 2, (text = "", separator = "") => split(toText(text), toText(separator))),
  pure("rsplit", 2, (text = "", separator = "") => splitFromEnd(toText(text), toText(separator))),
  pure("split_n", 3, (text = "", separator = "", n = "") =>
    splitTimes(toText(text), toText(separator), Math.min(toNumber(n), maxElements - 1)),
  ),
  pure("split_once", 2, (text = "", separator = "") => cutAt(toText(text), toText(separator), indexOf)),
  pure("rsplit_once", 2, (text = "", separator = "") => cutAt(toText(text), toText(separator), lastIndexOf)),
  pure("split_words", 1, (text = "") =>
    toText(text)
      .split(/\s+/)
      .filter((word) => /^[\p{Alphabetic}\p{N}]+$/u.test(word))
      .slice(0, maxElements),
  ),
  pure("lines", 1, (text = "") => lines(toText(text))),
];

/** An empty separator splits a text into its characters. */
function split(text: string, separator: string): Value[] {
  if (separator === "") return Array.from(text).slice(0, maxElements);
  return splitTimes(text, separator, maxElements).slice(0, maxElements);
}

/** The last part first; where separators overlap, the last one counts. */
function splitFromEnd(text: string, separator: string): Value[] {
  if (separator === "") return Array.from(text).reverse().slice(0, maxElements);
  const parts: Value[] = [];
  let end = text.length;
  while (parts.length < maxElements - 1) {
    const at = lastIndexOf(text, separator, end);
    if (at < 0) break;
    parts.push(text.slice(at + separator.length, end));
    end = at;
  }
  parts.push(text.slice(0, end));
  return parts;
}

/** Splits at most `times` times: the last part is what is left. */
function splitTimes(text: string, separator: string, times: number): Value[] {
  const parts: Value[] = [];
  let start = 0;
  while (separator !== "" && parts.length < Math.trunc(times)) {
    const at = indexOf(text, separator, start);
    if (at < 0) break;
    parts.push(text.slice(start, at));
    start = at + separator.length;
  }
  parts.push(text.slice(start));
  return parts;
}

/** `''` when the separator is not there. */
function cutAt(text: string, separator: string, find: (text: string, key: string) => number): Value {
  const at = find(text, separator);
  return at < 0 ? "" : [text.slice(0, at), text.slice(at + separator.length)];
}

/** A line ends in LF or CRLF; the last may have no end. */
function lines(text: string): Value[] {
  const parts = text.split("\n", maxElements + 1);
  const last = parts.pop() ?? "";
  const ended = parts.map((part) => (part.endsWith("\r") ? part.slice(0, -1) : part));
  return last === "" ? ended : [...ended, last].slice(0, maxElements);
}
