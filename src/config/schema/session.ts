/** The keys of `[session.*]`: what the stages do. */
import { z } from "zod";
import { throttleKeys } from "../../stage/stage-settings.ts";
import { denials } from "./deny.ts";
import { greylistTable } from "./greylist.ts";
import { replyText } from "./reply-text.ts";
import { addressSwitch, authenticatedOnly, onStoreFailure, partMode, rate, rules, word } from "./values.ts";

const ehlo = z.strictObject({
  mode: partMode("this stage"),
  require: rules("ehlo", "true or false", true, "Whether MAIL without EHLO or HELO is refused."),
  "reject-non-fqdn": rules(
    "ehlo",
    "true or false",
    [{ if: "local_port == 25", then: true }, { else: false }],
    "Whether an EHLO name that is not fully qualified is refused.",
  ),
  fqdn: z
    .enum(["stalwart", "strict"])
    .default("stalwart")
    .meta({ description: "What is fully qualified: a name with a dot (`stalwart`), or a valid host name or address literal (`strict`)." }),
  blocklist: z.array(word).default([]).meta({ description: "Names of lookups. An EHLO name found in one is refused with 551." }),
  deny: denials("ehlo", "They are asked after the other checks of the name and before the script."),
  script: script(
    "ehlo",
    "Its `reject` refuses the EHLO name; nothing else that it does has an effect here. It does not run for trusted clients.",
  ),
});

function script(stage: "ehlo" | "mail" | "rcpt", meaning: string) {
  return rules(stage, "string or false", false, `Name of the Sieve script to run, one of \`sieve.trusted.scripts\`. ${meaning}`);
}

const extensions = z.strictObject({
  pipelining: rules("mail", "true or false", true, "PIPELINING (RFC 2920)."),
  chunking: rules("mail", "true or false", true, "CHUNKING (RFC 3030)."),
  requiretls: rules("mail", "true or false", "is_tls", "REQUIRETLS (RFC 8689)."),
  "no-soliciting": rules("mail", "string or false", "''", "NO-SOLICITING (RFC 3865) with this text."),
  dsn: rules("mail", "true or false", authenticatedOnly(true), "DSN (RFC 3461)."),
  "future-release": rules(
    "mail",
    "duration or false",
    authenticatedOnly("7d"),
    "FUTURERELEASE (RFC 4865): the longest time that a message is held.",
  ),
  "deliver-by": rules("mail", "duration or false", authenticatedOnly("15d"), "DELIVERBY (RFC 2852): the longest delivery time."),
  "mt-priority": rules("mail", "`mixer`, `stanag4406`, `nsep` or false", authenticatedOnly("mixer"), "MT-PRIORITY (RFC 6710)."),
  vrfy: rules("mail", "true or false", authenticatedOnly(true), "The VRFY command."),
  expn: rules("mail", "true or false", authenticatedOnly(true), "The EXPN command."),
});

const auth = z.strictObject({
  "must-match-sender": rules(
    "mail",
    "true or false",
    false,
    "Whether an authenticated session may send only as an address of its account: by the directory, with sub-addresses, domain aliases, " +
      "the domain of its catch-all, and what `query.senders` of an SQL directory adds. Sessions from trusted networks are asked too.",
  ),
});

const errors = z.strictObject({
  total: rules("mail", "number", 5, "Number of refused recipients at which a session is disconnected."),
  wait: rules("mail", "duration", "5s", "How long the refusal of a recipient is delayed."),
  "max-waiting": z.int().min(0).max(100000).default(20).meta({
    description: "Replies delayed at once, over all sessions; more are sent without delay. Several workers share this number equally.",
  }),
});

const replies = z.strictObject({
  "unknown-mailbox": replyText("550 5.1.2 Mailbox does not exist.", ["4", "5"], "To a recipient that does not exist."),
  relay: replyText("550 5.1.2 Relay not allowed.", ["4", "5"], "To a recipient of a foreign domain."),
  "over-quota": replyText(
    "452 4.2.2 Mailbox is full, try again later.",
    ["4", "5"],
    'To a recipient whose mailbox is full, as a directory of `type = "smtp"` or `"lmtp"` may know.',
  ),
  "too-many-recipients": replyText("452 4.5.3 Too many recipients.", ["4", "5"], "To a recipient above `max-recipients`."),
  "too-many-errors": replyText("421 4.3.0 Too many errors, disconnecting.", ["421"], "When `errors.total` is reached."),
  "rate-limit": replyText(
    "452 4.4.5 Rate limit exceeded, try again later.",
    ["4"],
    "To what exceeds a throttle; for a connection the code is 421.",
  ),
  greylisted: replyText(
    "451 4.7.1 Greylisted, please try again in a few moments.",
    ["4"],
    "To what is greylisted; `{seconds}` is replaced by the time left to wait. With the policy protocol the code is the MTA's own.",
  ),
  unavailable: replyText(
    "451 4.4.3 Unable to verify address at this time.",
    ["4"],
    "When it is not known now whether a recipient exists, or the store of greylist and throttles is unavailable.",
  ),
});

const rcpt = z.strictObject({
  mode: partMode("this stage, the greylist and throttles of recipients with it,"),
  directory: rules(
    "rcpt",
    "string or false",
    "'*'",
    "The directory that is asked for the recipient. With false every recipient is foreign.",
  ),
  relay: rules("rcpt", "true or false", authenticatedOnly(true), "Whether a recipient of a foreign domain passes."),
  "sub-addressing": addressSwitch(
    "Whether `john+tag@` is looked up as `john@` when it is not found itself; rules yield true, false, or the address to look up.",
  ),
  "sub-addressing-delivery": z
    .enum(["base", "keep"])
    .default("base")
    .meta({ description: "What a sub-address resolves to: the address without the tag, or the address as given." }),
  "catch-all": addressSwitch(
    "Whether the account that holds `@domain` gets what is not found; rules yield true, false, or the address to look up.",
  ),
  aliases: z
    .enum(["keep", "primary"])
    .optional()
    .meta({
      description:
        "What an alias resolves to: itself, or the primary address of its account. In a table of `virtual` or `aliases` that is its target, " +
        "followed to the end; with `keep` the MTA must have the same table.",
      unset: '`"primary"` in directories of `type = "file"`, else `"keep"`',
    }),
  deny: denials(
    "rcpt",
    "They are asked when it is known that the recipient exists or may be relayed, and before throttles. There `rcpt` is the address that the " +
      "directory has, without a tag; an alias or a list is that itself, and what a catch-all takes is the address as given.",
  ),
  script: script(
    "rcpt",
    'It runs before `rewrite`, for trusted clients too, and may change the recipient by `set "envelope.to"` and the sender of the rest ' +
      'of the message by `set "envelope.from"`.',
  ),
  rewrite: rules("rcpt", "string or false", false, "The recipient to use from here on; a value without `@` changes nothing."),
  "max-recipients": rules("mail", "number", 100, "Accepted, distinct recipients of one message."),
  "max-list-members": z.int().min(1).max(1_000_000).default(10000).meta({ description: "A list with more members is deferred." }),
  errors: errors.prefault({}),
  greylist: greylistTable,
  replies: replies.prefault({}),
});

const throttle = z.strictObject({
  enable: z.boolean().default(true).meta({ description: "False turns it off." }),
  name: word.optional().meta({ description: "For the log and `postern throttle`.", unset: "its place in the list, from 1" }),
  mode: partMode("it"),
  match: rules("rcpt", "true or false", true, "What it applies to."),
  key: z
    .array(z.enum(throttleKeys))
    .default([])
    .meta({
      description:
        `What is counted separately: ${throttleKeys.map((key) => `\`${key}\``).join(", ")}. Empty: all is counted together. ` +
        "`rcpt` is what the recipient resolves to, without a tag; a list, and an alias of several accounts, is that itself. " +
        "Nothing is counted where all that say who sends are unknown: of `authenticated_as` alone clients without a login, of `sender` alone the null sender.",
    }),
  "ipv6-prefix": z.int().min(16).max(128).default(64).meta({
    description: "How many bits of an IPv6 address in `remote_ip` count as one client.",
  }),
  rate: rate.meta({ description: "How many in a period: `100/1h`." }),
  count: z
    .enum(["recipients", "messages", "errors"])
    .optional()
    .meta({
      description:
        "At RCPT: each recipient; or a message once, at its first accepted recipient; or `errors`, each recipient that is refused because it is " +
        "unknown or may not be relayed, over all sessions: at the limit every further recipient is refused before anything is asked.",
      unset:
        "by the variables of `key` and `match`: with `rcpt`, `rcpt_domain` or `recipients` recipients, of which `rcpt_domain` without `rcpt` counts one a message; else with `sender`, `sender_domain`, `helo_domain`, `authenticated_as` or `is_tls` MAIL commands; else connections",
    }),
  window: z
    .enum(["fixed", "sliding"])
    .default("fixed")
    .meta({
      description:
        "`fixed` begins to count again with each period of the clock, so that twice as many may come at its turn. `sliding` looks back over one period " +
        "at any time, but takes what the previous period of the clock counted as spread evenly over it, rounded up: after a burst it allows more little by " +
        "little until the next period of the clock ends. So `1/1h` may refuse for two hours, and larger rates may allow nearly twice as many within a period, " +
        "but not at once.",
    }),
  "on-store-failure": onStoreFailure("What happens to what it applies to while the state store is unavailable."),
});

const throttleTables = z
  .array(throttle)
  .prefault([])
  .meta({ description: "How often something may happen. In TOML `[[session.throttle]]`, in JSON also `MtaInboundThrottle`." });

export const sessionTable = z
  .strictObject({
    ehlo: ehlo.prefault({}),
    extensions: extensions.prefault({}),
    auth: auth.prefault({}),
    mail: z
      .strictObject({
        mode: partMode("this stage"),
        "is-allowed": rules("mail", "true or false", true, "Whether the sender is allowed. Every session is asked."),
        deny: denials("mail", "They are asked before the script."),
        script: script("mail", 'It runs before `rewrite`, and may change the sender by `set "envelope.from"`.'),
        rewrite: rules("mail", "string or false", false, "The sender to use from here on."),
      })
      .prefault({}),
    rcpt: rcpt.prefault({}),
    throttle: throttleTables,
  })
  .prefault({});
