/** The extensions that scripts may require (RFC 5228 section 6), and the messages about those that mean nothing here. */

import { didYouMean } from "../../text/did-you-mean.ts";
import { shorten } from "../../text/shorten.ts";

export const capabilities: ReadonlySet<string> = new Set([
  "comparator-i;ascii-casemap",
  "comparator-i;ascii-numeric",
  "comparator-i;octet",
  "comparator-i;unicode-casemap",
  "date",
  "encoded-character",
  "envelope",
  "envelope-deliverby",
  "envelope-dsn",
  "environment",
  "ereject",
  "extlists",
  "ihave",
  "include",
  "regex",
  "reject",
  "relational",
  "subaddress",
  "variables",
  "vnd.dovecot.debug",
  "vnd.postern.log",
  "vnd.stalwart.execute",
  "vnd.stalwart.expressions",
  "vnd.stalwart.while",
]);

/** Those need not be required (RFC 5228 2.7.3). */
export const alwaysThere: readonly string[] = ["comparator-i;octet", "comparator-i;ascii-casemap"];

/** What a string means depends on them, and strings are read before any `ihave` is asked: only `require` enables them (RFC 5463 section 4). */
export const changesStrings: ReadonlySet<string> = new Set(["encoded-character", "variables"]);

const aboutMessages: ReadonlySet<string> = new Set([
  "body",
  "convert",
  "copy",
  "duplicate",
  "editheader",
  "enclose",
  "enotify",
  "extracttext",
  "fcc",
  "fileinto",
  "foreverypart",
  "imap4flags",
  "imapsieve",
  "index",
  "mailbox",
  "mailboxid",
  "mboxmetadata",
  "mime",
  "notify",
  "redirect-deliverby",
  "redirect-dsn",
  "replace",
  "servermetadata",
  "spamtest",
  "spamtestplus",
  "special-use",
  "vacation",
  "vacation-seconds",
  "virustest",
]);

const renamed: ReadonlyMap<string, string> = new Map([
  ["vnd.stalwart.plugins", "vnd.stalwart.execute"],
  ["vnd.stalwart.eval", "vnd.stalwart.expressions"],
]);

export function unknownCapability(name: string): string {
  if (aboutMessages.has(name)) return `"${name}" needs a message, and there is no message yet at these stages. Remove it.`;
  const now = renamed.get(name);
  if (now !== undefined) return `unknown capability "${name}". What it was for is in "${now}".`;
  const several = name.split(/[\s,]+/);
  if (several.length > 1 && several.every((each) => capabilities.has(each))) {
    return `unknown capability "${shorten(name)}". Write a list: [${several.map((each) => `"${each}"`).join(", ")}].`;
  }
  return `unknown capability "${shorten(name)}".${didYouMean(name, capabilities) || " Remove it, or ask for it by ihave."}`;
}
