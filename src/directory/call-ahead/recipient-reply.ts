/** What the reply to RCPT says of a recipient (RFC 5321 4.3.2, RFC 3463). */
import { cleanText } from "../../text/controls.ts";
import type { ServerReply } from "../../wire/smtp-reply.ts";

/** `unclear`: the reply is about the server or its client, and not about the recipient. */
export type Meaning = "exists" | "missing" | "full" | "unclear";

export function meaningOf({ code, status, lines }: ServerReply): Meaning {
  if (code < 300) return "exists";
  // Without a status, 552 means "exceeded storage allocation".
  if ((code === 452 && status === "4.2.2") || (code === 552 && /^(?:5\.2\.2)?$/.test(status))) return "full";
  if (code < 550 || code > 553) return "unclear";
  if (status === "") return aboutClient.test(lines.join(" ")) ? "unclear" : "missing";
  return status.startsWith("5.1.") && !aboutSender.has(status) ? "missing" : "unclear";
}

/** What servers without status codes, such as Exim, say to a client that they take no mail from. */
const aboutClient =
  /\b(?:relay|sender|client|your host|authenticat|administrative prohibition|access denied|black ?list|block ?list|not permitted|policy)/i;

/** Of the status codes for addresses: the sender's mailbox is badly written, or its system. */
const aboutSender: ReadonlySet<string> = new Set(["5.1.7", "5.1.8"]);

const maxTextLength = 200;

/** A reply on one line, for logs and people. */
export function textOf({ code, lines }: ServerReply): string {
  return cleanText(`${code} ${lines.join(" ")}`.slice(0, maxTextLength).toWellFormed());
}
