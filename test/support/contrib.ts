/** Reads the configuration files of contrib, for the tests that run them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

const repository = new URL("../..", import.meta.url).pathname;

/** A file of the repository. */
export const read = (path: string) => readFileSync(join(repository, path), "utf8");

/** Each text must occur, so that a change in contrib does not go unnoticed. */
export function substitute(text: string, ...pairs: readonly (readonly [from: string, to: string])[]): string {
  let result = text;
  for (const [from, to] of pairs) {
    if (!result.includes(from)) throw new Error(`no "${from}" in:\n${text}`);
    result = result.replaceAll(from, to);
  }
  return result;
}
