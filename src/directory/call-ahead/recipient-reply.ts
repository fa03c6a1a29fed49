/** What the reply to RCPT says of a recipient (RFC 5321 4.3.2, RFC 3463). */
import { cleanText } from "../../text/controls.ts";
import type { ServerReply } from "../../wire/smtp-reply.ts";

/** `unclear`: the reply is about the server or its client, and not about the recipient. */
export type Meaning = "exists" | "missing" | "full" | "unclear";

export function meaningOf({ code, status, lines }: ServerReply): Meaning {
  if (code < 300) return "exists";
  if ((code === 452 && status === "4.2.2") || status === "5.2.2") return "full";
  if (code < 550 || code > 553 || (status !== "" && !aboutRecipient.has(status))) return "unclear";
  const words = wordsOf(lines);
  if (aboutPeers.test(words)) return "unclear";
  // Whatever else it says, such as where to ask.
  if (noMailbox.has(status) && aboutMailbox.test(words) && isAbsent.test(words)) return "missing";
  if (aboutOthers.test(words)) return "unclear";
  // Without a status, 552 means "exceeded storage allocation".
  if ((code === 552 && status === "") || aboutSpace.test(words)) return "full";
  if (aboutNow.test(words)) return "unclear";
  return status !== "" || (aboutMailbox.test(words) && aboutAbsence.test(words)) ? "missing" : "unclear";
}

/** Those that say of the mailbox itself that there is none. */
const noMailbox: ReadonlySet<string> = new Set(["5.1.1", "5.1.10"]);

/** Of the status codes for addresses. 5.1.7 and 5.1.8 are about the sender's, and servers have others of their own for limits. */
const aboutRecipient: ReadonlySet<string> = new Set(["5.1.0", "5.1.1", "5.1.2", "5.1.3", "5.1.4", "5.1.6", "5.1.10"]);

/** The sender, the client, or how much it asks. */
const aboutPeers = anyOf(
  /<>|\b(?:senders?|bounces?|(?:reverse|return)[ -]path|(?:mail|envelope)[ -]from|spf|dkim|dmarc)\b/,
  /\bclients?\b|\btoo (?:many|much|fast)\b/,
);

/** How the client comes, or mail for elsewhere: servers say so with any status, or with none. Postfix has a "relay recipient table". */
const aboutOthers = anyOf(
  /\b(?:ip|helo|ehlo|ptr|r?dns|starttls|tls|encryption)\b|authenticat|credential|not authori[sz]ed/,
  /\byour (?:access|(?:e-?mail )?address|domain|host|mail server|mta|network|server|system)\b/,
  /\brelay(?! recipient table)|rcpthosts|access denied|not permitted|administrative|polic(?:y|ies)|prohibit|restrict/,
  /(?:black|block|deny)[ -]?list|(?<!not |n't )\blisted\b|\b\w{1,3}bl\b|\bblock(?:ed|ing)\b|\bbanned\b|reputation|\bspam/,
);

/** There is the mailbox. */
const aboutSpace = /\bfull\b|quota|storage/i;

/** The answer may be another one at another time. */
const aboutNow = anyOf(
  /temporar|\blater\b|try again|\bretry|gr[ae]y[ -]?list|\blimit(?!ed\b)|\bbusy\b|overload|maintenance/,
  /(?:lookup|internal|server|system|database) (?:error|fail)|(?:unable to|not|n't) (?:be )?verif/,
);

/** Without a status, there is no mailbox only if both are spoken of. */
const aboutMailbox = /\b(?:users?|recipients?|mailbox(?:es)?|accounts?|address(?:ee)?|alias|local[ -]part)\b/i;
const isAbsent = anyOf(
  /\bunknown\b(?! (?:error|reason|problem))|\b(?:unrout(?:e)?able|undeliverable|invalid|illegal|bad|non-?existent)\b/,
  /\bno (?:such|mailbox|user|account|recipient)\b|\bno longer (?:active|available|exists?|here|in use|on|valid)\b/,
  /(?:not|n't) (?:an? )?(?:valid|known|found|present|listed|local|here|recogni[sz]ed)\b|(?:not|n't) exist|name not allowed/,
);
const aboutAbsence = anyOf(isAbsent, /mailbox (?:is )?(?:unavailable|not available)|(?:recipient|address) rejected/);

function anyOf(...patterns: readonly RegExp[]): RegExp {
  return new RegExp(patterns.map(({ source }) => source).join("|"), "i");
}

/** Without addresses, names of hosts and URLs, which are anybody's words. `<>`, the null sender, stays. */
function wordsOf(lines: readonly string[]): string {
  const words = lines
    .join(" ")
    .replace(/<[^<>]+>/g, " ")
    .split(/\s+/);
  return words.filter((word) => !/@|:\/\/|\w\.\w/.test(word)).join(" ");
}

const maxTextLength = 200;

/** A reply on one line, for logs and people. */
export function textOf({ code, lines }: ServerReply): string {
  return cleanText(`${code} ${lines.join(" ")}`.slice(0, maxTextLength).toWellFormed());
}
