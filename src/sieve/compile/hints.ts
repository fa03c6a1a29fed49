/** Messages about commands and tests that do not exist here, and about words that are out of place. */

import { didYouMean } from "../../text/did-you-mean.ts";
import { shorten } from "../../text/shorten.ts";
import { commands } from "../commands/commands.ts";
import { tests } from "../tests/tests.ts";
import type { Signature } from "./definition.ts";

const noMessage = "there is no message yet at these stages";

/** Commands of other stages, with what may serve in their place. */
const messageCommands: ReadonlyMap<string, string> = new Map([
  ["redirect", 'Use set "envelope.to" "…" to change the recipient.'],
  ["fileinto", 'Use set "envelope.to" "…" with a sub-address to choose the folder.'],
  ["vacation", "Use it in a script of the mail store."],
  ["notify", "Use it in a script of the mail store."],
  ["addheader", "Remove it, or let the MTA do it."],
  ["deleteheader", "Remove it, or let the MTA do it."],
  ["replaceheader", "Remove it, or let the MTA do it."],
  ["setflag", "Use it in a script of the mail store."],
  ["addflag", "Use it in a script of the mail store."],
  ["removeflag", "Use it in a script of the mail store."],
  ["replace", "Remove it."],
  ["enclose", "Remove it."],
  ["convert", "Remove it."],
  ["extracttext", "Remove it."],
  ["foreverypart", "Remove it."],
]);

const messageTests: ReadonlySet<string> = new Set([
  "body",
  "convert",
  "duplicate",
  "hasflag",
  "mailboxexists",
  "mailboxidexists",
  "metadata",
  "metadataexists",
  "notify_method_capability",
  "servermetadata",
  "servermetadataexists",
  "spamtest",
  "specialuse_exists",
  "valid_notify_method",
  "virustest",
]);

export function unknownCommand(name: string): string {
  const mend = messageCommands.get(name);
  if (mend !== undefined) return `"${name}" needs a message, and ${noMessage}. ${mend}`;
  if (tests.has(name)) return `"${name}" is a test, not a command. Write it after if.`;
  return `unknown command "${shorten(name)}".${didYouMean(name, commands.keys())}`;
}

export function unknownTest(name: string): string {
  if (messageTests.has(name)) return `"${name}" needs a message, and ${noMessage}. Remove it.`;
  if (commands.has(name)) return `"${name}" is a command, not a test.`;
  return `unknown test "${shorten(name)}".${didYouMean(name, tests.keys())}`;
}

const joined: ReadonlyMap<string, string> = new Map([
  ["and", 'Tests are joined by allof (…, …), not by "and".'],
  ["or", 'Tests are joined by anyof (…, …), not by "or".'],
  ["then", 'Remove "then": the block follows the test.'],
]);

/** `isTest`: the word follows a test; `isLacking`: an argument that must be there is not. */
export function strayWord(word: string, { name, tags = [] }: Signature, isTest: boolean, isLacking: boolean): string {
  const shown = shorten(word);
  if (tags.some((tag) => tag.name === word)) return `"${shown}" is a tag of "${name}". Write it with its colon: ":${shown}".`;
  if (isLacking && !commands.has(word)) return `unexpected word "${shown}". Text needs double quotes: "…".`;
  const join = joined.get(word);
  if (join !== undefined) return `unexpected word "${shown}". ${join}`;
  if (name === "else" && word === "if") return '"else if" is one word here. Write elsif.';
  if (name === "else") return `"else" takes no test. ${commands.has(word) ? "It needs a block in braces." : "Write elsif."}`;
  if (!isTest) return `"${name}" takes no test. Is there a ";" missing before "${shown}"?`;
  if (commands.has(word)) return `"${name}" takes no test. Is there a "{" missing before "${shown}"?`;
  if (tests.has(word)) return `"${name}" takes no test. Is there a "," missing before "${shown}", within anyof (…) or allof (…)?`;
  return `unexpected word "${shown}" after the test "${name}". Remove it, or put it in double quotes.`;
}
