/** What to say of a word that stands behind the arguments of a command or test that takes none there. */
import { shortened } from "../../expr/token.ts";
import { commands } from "../commands/commands.ts";
import { tests } from "../tests/tests.ts";
import type { Signature } from "./definition.ts";

const joined: ReadonlyMap<string, string> = new Map([
  ["and", 'Tests are joined by allof (…, …), not by "and".'],
  ["or", 'Tests are joined by anyof (…, …), not by "or".'],
  ["then", 'Remove "then": the block follows the test.'],
]);

/** `isTest`: the word follows a test; `isLacking`: an argument that must be there is not. */
export function strayWord(word: string, { name, tags = [] }: Signature, isTest: boolean, isLacking: boolean): string {
  const shown = shortened(word);
  if (tags.some((tag) => tag.name === word)) return `"${shown}" is a tag of "${name}". Write it with its colon: ":${shown}".`;
  if (isLacking && !commands.has(word)) return `unexpected word "${shown}". Text needs double quotes: "…".`;
  const join = joined.get(word);
  if (join !== undefined) return `unexpected word "${shown}". ${join}`;
  if (name === "else") return `"else" takes no test. ${commands.has(word) ? "It needs a block in braces." : "Write elsif."}`;
  if (!isTest) return `"${name}" takes no test. Is there a ";" missing before "${shown}"?`;
  if (commands.has(word)) return `"${name}" takes no test. Is there a "{" missing before "${shown}"?`;
  if (tests.has(word)) return `"${name}" takes no test. Is there a "," missing before "${shown}", within anyof (…) or allof (…)?`;
  return `unexpected word "${shown}" behind the test "${name}". Remove it, or put it in double quotes.`;
}
