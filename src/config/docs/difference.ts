/** What one configuration has otherwise than another, setting by setting, defaults included. */
import { isDeepStrictEqual } from "node:util";
import type { Place } from "../../text/place.ts";
import { isTable, type KeyPath, keyOf } from "../syntax/tree.ts";
import { valueText } from "./print.ts";

/** A configuration as its file could have it, and where things are in that file; `undefined`: not written there. */
export interface ComparedConfiguration {
  readonly document: unknown;
  readonly placeOf: (path: KeyPath) => (Place & { readonly file: string }) | undefined;
}

const maxLength = 200;

/** One line each, in the order of the settings: `new.toml:3:1: key: 100 → 50 (old.toml:7:1)`. */
export function differencesOf(before: ComparedConfiguration, after: ComparedConfiguration): readonly string[] {
  return [...differing([], before.document, after.document)].map(({ path, was, is }) => {
    const [old, now] = [was && before.placeOf(was.path), is && after.placeOf(is.path)];
    const change = `${was === undefined ? "" : `${shown(was.value)} `}→ ${is === undefined ? "gone" : shown(is.value)}`;
    return `${now ? `${placeText(now)}: ` : ""}${path.reduce<string>(keyOf, "")}: ${change}${old ? ` (${placeText(old)})` : ""}`;
  });
}

interface Side {
  readonly path: KeyPath;
  readonly value: unknown;
}

interface Difference {
  readonly path: KeyPath;
  /** `undefined`: there was, or is, none. */
  readonly was: Side | undefined;
  readonly is: Side | undefined;
}

function* differing(path: KeyPath, was: unknown, is: unknown): Generator<Difference> {
  if (isDeepStrictEqual(was, is)) return;
  if (Array.isArray(was) && Array.isArray(is)) yield* differingItems(path, was, is);
  else if (isTable(was) && isTable(is) && !Array.isArray(was) && !Array.isArray(is)) {
    for (const name of new Set([...Object.keys(was), ...Object.keys(is)])) yield* differing([...path, name], was[name], is[name]);
  } else yield { path, was: sideOf(path, was), is: sideOf(path, is) };
}

function sideOf(path: KeyPath, value: unknown): Side | undefined {
  return value === undefined ? undefined : { path, value };
}

/** What came and what went: an item that has only moved is not told, unless nothing else differs. */
function* differingItems(path: KeyPath, was: readonly unknown[], is: readonly unknown[]): Generator<Difference> {
  const [gone, come] = [without(path, was, is), without(path, is, was)];
  if (gone.length === 0 && come.length === 0) yield { path, was: { path, value: was }, is: { path, value: is } };
  for (const side of gone) yield { path: side.path, was: side, is: undefined };
  for (const side of come) yield { path: side.path, was: undefined, is: side };
}

/** Those of `items` that `others` does not have as often. */
function without(path: KeyPath, items: readonly unknown[], others: readonly unknown[]): readonly Side[] {
  const left = new Map<string, number>();
  for (const other of others) left.set(JSON.stringify(other), (left.get(JSON.stringify(other)) ?? 0) + 1);
  return items.flatMap((value, index) => {
    const count = left.get(JSON.stringify(value)) ?? 0;
    left.set(JSON.stringify(value), count - 1);
    return count > 0 ? [] : [{ path: [...path, index], value }];
  });
}

function shown(value: unknown): string {
  const text = valueText(value, false);
  return text.length > maxLength ? `${text.slice(0, maxLength)}…` : text;
}

function placeText({ file, line, column }: Place & { readonly file: string }): string {
  return `${file}:${line}:${column}`;
}
