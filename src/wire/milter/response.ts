/**
 * Responses of the milter protocol. What an MTA does not take at a stage has no type there: Sendmail ends the filter's part in a
 * session, letting the mail pass, at a response that it does not expect. A refusal is always a reply with its own text.
 */
import type { Reply } from "../../mail/reply.ts";
import { cleanText } from "../../text/controls.ts";
import { SMFIR } from "./codes.ts";
import { encodePacket } from "./packet.ts";
import { formatReplyText } from "./reply-text.ts";

/** A reply at RCPT is for this recipient only. At CONNECT and HELO the MTA keeps it for the whole session. */
export type EventResponse = { readonly kind: "continue" } | { readonly kind: "reply"; readonly reply: Reply };

/** `skip`: the rest of the body is not wanted. Only when negotiated (`maySkip`). */
export type BodyResponse = EventResponse | { readonly kind: "skip" };

/** Changes at the end of a message, only of kinds that were negotiated (`mayModify`). */
export type Modification =
  | { readonly kind: "addHeader"; readonly name: string; readonly value: string }
  /** `path` with its brackets and quotes (`formatPath`). The MTA does not check it. */
  | { readonly kind: "addRecipient"; readonly path: string }
  | { readonly kind: "addRecipientWithParameters"; readonly path: string; readonly parameters: readonly string[] }
  /** `bytes` one character a byte, as the client spelt it (`Path.withoutRoute`). */
  | { readonly kind: "deleteRecipient"; readonly bytes: string }
  | { readonly kind: "changeSender"; readonly path: string; readonly parameters: readonly string[] };

const goOn = encodePacket(SMFIR.CONTINUE);
const skip = encodePacket(SMFIR.SKIP);

/** The result must not be changed, as that of the other functions. */
export function encodeResponse(response: EventResponse): Buffer {
  switch (response.kind) {
    case "continue":
      return goOn;
    case "reply":
      // Sendmail drops a text without its NUL.
      return encodePacket(SMFIR.REPLYCODE, strings(formatReplyText(response.reply)));
  }
}

export function encodeBodyResponse(response: BodyResponse): Buffer {
  return response.kind === "skip" ? skip : encodeResponse(response);
}

/** The modifications, carried out in their order, then `continue`. Throws a `RangeError` when a header has no name or a modification is too long. */
export function encodeEndOfMessage(modifications: readonly Modification[]): Buffer {
  return modifications.length === 0 ? goOn : Buffer.concat([...modifications.map(encodeModification), goOn]);
}

function encodeModification(modification: Modification): Buffer {
  switch (modification.kind) {
    case "addHeader":
      return encodePacket(SMFIR.ADDHEADER, strings(headerName(modification.name), headerValue(modification.value)));
    case "addRecipient":
      return encodePacket(SMFIR.ADDRCPT, strings(modification.path));
    case "addRecipientWithParameters":
      return encodePacket(SMFIR.ADDRCPT_PAR, pathAndParameters(modification));
    case "deleteRecipient":
      return encodePacket(SMFIR.DELRCPT, Buffer.from(`${modification.bytes}\0`, "latin1"));
    case "changeSender":
      return encodePacket(SMFIR.CHGFROM, pathAndParameters(modification));
  }
}

function strings(...texts: readonly string[]): Buffer {
  return Buffer.from(texts.map((text) => `${text}\0`).join(""));
}

function pathAndParameters({ path, parameters }: { readonly path: string; readonly parameters: readonly string[] }): Buffer {
  return parameters.length === 0 ? strings(path) : strings(path, parameters.join(" "));
}

function headerName(name: string): string {
  // RFC 5322 2.2
  if (!/^[!-9;-~]+$/.test(name)) throw new RangeError(`not the name of a header: ${JSON.stringify(name)}`);
  return name;
}

/** Folded lines begin with white space, after LF alone. */
function headerValue(value: string): string {
  const [first = "", ...folded] = value.split(/\r\n|[\r\n]/).map(cleanText);
  const continuations = folded.filter((line) => line.trim() !== "").map((line) => `\n${line.startsWith(" ") ? line : ` ${line}`}`);
  return first + continuations.join("");
}
