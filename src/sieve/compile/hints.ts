/** What to say of commands and tests that do not exist here. */

import { shortened } from "../../expr/token.ts";
import { didYouMean } from "../../text/did-you-mean.ts";

const noMessage = "there is no message yet at these stages";

/** Commands of other stages, with what does here what they may have been meant for. */
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

export function unknownCommand(name: string, commands: Iterable<string>, tests: ReadonlyMap<string, unknown>): string {
  const mend = messageCommands.get(name);
  if (mend !== undefined) return `"${name}" needs a message, and ${noMessage}. ${mend}`;
  if (tests.has(name)) return `"${name}" is a test, not a command. Write it behind if.`;
  return `unknown command "${shortened(name)}".${didYouMean(name, [...commands, "if", "elsif", "else"])}`;
}

export function unknownTest(name: string, tests: Iterable<string>, commands: ReadonlyMap<string, unknown>): string {
  if (messageTests.has(name)) return `"${name}" needs a message, and ${noMessage}. Remove it.`;
  if (commands.has(name)) return `"${name}" is a command, not a test.`;
  return `unknown test "${shortened(name)}".${didYouMean(name, tests)}`;
}
