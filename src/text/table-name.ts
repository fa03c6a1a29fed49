/** Names that a configuration gives its stores, directories, lists and scripts, which are tables in it. */
import { shorten } from "./shorten.ts";

const name = /^[A-Za-z0-9][\w./-]{0,63}$/;

export const tableNameRule = 'Use letters, digits and "-", "_", "." or "/", at most 64.';

export function isTableName(text: string): boolean {
  return name.test(text);
}

/** What to do about a table that is missing, by its header, or by the headers that it may have; or that no table has such a name. */
export function suggestTable(text: string, kinds: readonly string[], suggestion: (header: string) => string): string {
  if (!isTableName(text)) return ` "${shorten(text)}" is not a name. ${tableNameRule}`;
  const key = /^[\w-]+$/.test(text) ? text : JSON.stringify(text);
  return ` ${suggestion(kinds.map((kind) => `[${kind}.${key}]`).join(" or "))}`;
}
