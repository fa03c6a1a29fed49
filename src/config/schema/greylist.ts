/** The keys of `[session.rcpt.greylist]`. */
import { z } from "zod";
import { duration, onStoreFailure, optionalDuration, partMode, rules, word } from "./values.ts";

const list = z.array(word).default([]);

export const filePrefix = "file:";

/** The file that an entry of a list names; `undefined`: it is an entry itself. */
export function exemptFile(entry: string): string | undefined {
  return entry.startsWith(filePrefix) ? entry.slice(filePrefix.length) : undefined;
}

const syntax =
  "Each is an entry, or `file:` and the path of a file with one per line, read again when it changes; both in the syntax of postgrey.";

export const greylistTable = z
  .strictObject({
    mode: partMode("the greylist"),
    enable: rules(
      "rcpt",
      "true or false",
      false,
      "Whether a recipient is greylisted. Trusted, authenticated and unknown clients never are.",
    ),
    delay: duration("5m", "A retry before this is refused."),
    "retry-window": duration("2d", "A retry after this counts as a first attempt."),
    lifetime: duration("35d", "How long an entry that passed is kept after it was last seen."),
    key: z
      .array(z.enum(["client", "sender", "rcpt"]))
      .min(1)
      .default(["client", "sender", "rcpt"])
      .meta({
        description:
          "What must be the same for an attempt to count as a retry. `rcpt` is what the recipient resolves to, without a tag; a list, and an alias of " +
          "several accounts, is that itself.",
      }),
    client: z.enum(["domain-or-network", "network"]).default("domain-or-network").meta({
      description:
        "What `client` in the key is: the organisational domain of its forward-confirmed name, if it has one, or always its network.",
    }),
    "ipv4-prefix": z.int().min(8).max(32).default(24).meta({ description: "Prefix length of the network of an IPv4 address." }),
    "ipv6-prefix": z.int().min(16).max(128).default(64).meta({ description: "Prefix length of the network of an IPv6 address." }),
    "auto-whitelist": z.int().min(0).max(1_000_000).default(5).meta({
      description:
        "After so many passes, counting one per hour, a client (one IPv4 address, or one IPv6 network of 64 bits) is no longer greylisted. 0 is off.",
    }),
    "max-waiting": z.int().min(1).max(10_000_000).default(10_000).meta({
      description:
        "How many entries of a client (as in `auto-whitelist`) may wait for a retry. Further first attempts are refused like the others, but make no entry until some have passed, or expire after `retry-window`. Each daemon counts what it has seen since it started.",
    }),
    "exempt-clients": list.meta({
      description: `Clients that are not greylisted: names with their subdomains, addresses, parts of IPv4 addresses, networks, \`/regular expressions/\`. ${syntax}`,
    }),
    "exempt-recipients": list.meta({
      description: `Recipients that are not greylisted: addresses, \`user@\`, domains with their subdomains, \`/regular expressions/\`. An address counts as given, as the directory has it, and as what it resolves to. ${syntax}`,
    }),
    correspondents: optionalDuration(
      "60d",
      "none are remembered",
      "How long it is remembered whom an authenticated or trusted session wrote to elsewhere: their mail to that sender is not greylisted.",
    ),
    "fold-senders": z.boolean().default(true).meta({
      description:
        "Whether senders that change from message to message are compared without what changes: VERP, BATV, SRS, tags, and digits, which become `#`.",
    }),
    header: z
      .boolean()
      .default(false)
      .meta({ description: "Whether a message that passes for the first time gets a header `X-Greylist`." }),
    training: z.boolean().default(false).meta({ description: "Remember and log, but refuse nothing." }),
    "on-store-failure": onStoreFailure("What happens to a recipient while the state store is unavailable."),
  })
  .prefault({});
