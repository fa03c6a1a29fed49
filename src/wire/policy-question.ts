/** Policy delegation as an MTA speaks it: attributes to requests, bytes to actions (SMTPD_POLICY_README). */
import { decodeUtf8 } from "../mail/utf8.ts";
import { cleanText } from "../text/controls.ts";
import { ProtocolError } from "./protocol-error.ts";

/** A line end in a value, whoever sent it, begins no attribute: no such value is known to anybody. */
export function encodeRequest(attributes: Readonly<Record<string, string>>): string {
  const lines = Object.entries(attributes).map(([name, value]) => `${name}=${value.replace(/[\0\r\n]/g, "\ufffd")}\n`);
  return `request=smtpd_access_policy\n${lines.join("")}\n`;
}

export interface Action {
  /** In capitals, or the code of a reply. */
  readonly verb: string;
  /** On one line. */
  readonly text: string;
}

/** Postern's replies have about 500. */
const maxReplyOctets = 4096;

/** Of all that has come since the request, one character a byte. `undefined`: it is not whole. */
export function parseAction(bytes: string): Action | undefined {
  if (bytes.length > maxReplyOctets) throw new ProtocolError(`an action of more than ${maxReplyOctets} octets`);
  if (!bytes.endsWith("\n\n")) return undefined;
  const [, verb, text = ""] = /^action=(\S+)(?: ([^\n]*))?\n\n$/.exec(bytes) ?? [];
  if (verb === undefined) throw new ProtocolError("a reply without an action");
  return { verb: verb.toUpperCase(), text: cleanText(decodeUtf8(text)).trim() };
}
