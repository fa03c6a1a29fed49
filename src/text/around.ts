/** What stands around a name or an address that was exported from another program, or pasted: quotes, and characters that nobody sees. */

/** Opening ones, and those that close each. */
const quotes: ReadonlyMap<string, string> = new Map([
  ['"', '"'],
  ["'", "'"],
  ["`", "`"],
  ["“", "”"],
  ["„", "“”"],
  ["‘", "’"],
  ["‚", "‘’"],
  ["«", "»"],
]);

/** What is in the quotes around all of it. `undefined`: there are none, or nothing in them. */
export function insideQuotes(text: string): string | undefined {
  const closing = quotes.get(text.charAt(0));
  return text.length > 2 && closing?.includes(text.charAt(text.length - 1)) ? text.slice(1, -1) : undefined;
}

/** Such as a zero width space, at the beginning or the end. Within a word they may mean something, and at the end of an emoji. */
export function hasInvisibleEnd(text: string): boolean {
  return invisibleEnd.test(text);
}

export function withoutInvisibleEnds(text: string): string {
  return invisibleEnd.test(text) ? text.replace(/^\p{DI}+/u, "").replace(/(?<!\p{DI})\p{DI}+$/u, "") : text;
}

const invisibleEnd = /^\p{DI}|(?!\p{Variation_Selector})\p{DI}$/u;
