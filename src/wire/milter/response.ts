/**
 * Responses of the milter protocol. What an MTA does not take at a stage has no type there: Sendmail ends the filter's part in a
 * session, letting the mail pass, at a response that it does not expect. Progress, quarantine, shutdown and failure are not sent at all.
 */
import { cleanText, type Reply } from "../../mail/reply.ts";
import { encodePacket, maxDataOctets } from "./packet.ts";
import { formatReplyText } from "./reply-text.ts";

/** To an event, and as the last word at the end of a message. */
export type EventResponse =
  | { readonly kind: "continue" }
  /** No more events of this message: later recipients are not shown. At CONNECT and HELO: of this session. */
  | { readonly kind: "accept" }
  /** At RCPT this and the next two are for this recipient only. At CONNECT and HELO the MTA keeps them for the whole session. */
  | { readonly kind: "reject" }
  | { readonly kind: "tempFail" }
  | { readonly kind: "reply"; readonly reply: Reply }
  /** Taken and thrown away, whole. Not at CONNECT and HELO. */
  | { readonly kind: "discard" };

/** `skip`: the rest of the body is not wanted. Only when negotiated (`maySkip`). */
export type BodyResponse = EventResponse | { readonly kind: "skip" };

/** Changes at the end of a message, only of kinds that were negotiated (`mayEdit`). */
export type Edit =
  | { readonly kind: "addHeader"; readonly name: string; readonly value: string }
  /** `index` 0: before all. */
  | { readonly kind: "insertHeader"; readonly index: number; readonly name: string; readonly value: string }
  /** `index` counts the headers of this name from 1. Without a value the header goes. */
  | { readonly kind: "changeHeader"; readonly index: number; readonly name: string; readonly value: string }
  /** `path` with its brackets and quotes (`formatPath`). The MTA does not check it. */
  | { readonly kind: "addRecipient"; readonly path: string }
  | { readonly kind: "addRecipientWithParameters"; readonly path: string; readonly parameters: readonly string[] }
  /** `bytes` one character a byte, as the client spelt it (`Path.withoutRoute`). */
  | { readonly kind: "deleteRecipient"; readonly bytes: string }
  | { readonly kind: "changeSender"; readonly path: string; readonly parameters: readonly string[] }
  | { readonly kind: "replaceBody"; readonly bytes: Buffer };

export function encodeResponse(response: EventResponse): Buffer {
  switch (response.kind) {
    case "continue":
      return encodePacket("c"); // SMFIR_CONTINUE
    case "accept":
      return encodePacket("a"); // SMFIR_ACCEPT
    case "reject":
      return encodePacket("r"); // SMFIR_REJECT
    case "tempFail":
      return encodePacket("t"); // SMFIR_TEMPFAIL
    case "discard":
      return encodePacket("d"); // SMFIR_DISCARD
    case "reply":
      // Sendmail drops a text without its NUL.
      return encodePacket("y", strings(formatReplyText(response.reply))); // SMFIR_REPLYCODE
  }
}

export function encodeBodyResponse(response: BodyResponse): Buffer {
  return response.kind === "skip" ? encodePacket("s") : encodeResponse(response); // SMFIR_SKIP
}

/** The edits are carried out in their order. Throws a `RangeError` when a header has no name or an edit is too long. */
export function encodeEndOfMessage(edits: readonly Edit[], response: EventResponse): Buffer {
  return Buffer.concat([...edits.map(encodeEdit), encodeResponse(response)]);
}

function encodeEdit(edit: Edit): Buffer {
  switch (edit.kind) {
    case "addHeader":
      return encodePacket("h", strings(headerName(edit.name), headerValue(edit.value))); // SMFIR_ADDHEADER
    case "insertHeader":
      return encodePacket("i", indexedHeader(edit)); // SMFIR_INSHEADER
    case "changeHeader":
      return encodePacket("m", indexedHeader(edit)); // SMFIR_CHGHEADER
    case "addRecipient":
      return encodePacket("+", strings(cleanText(edit.path))); // SMFIR_ADDRCPT
    case "addRecipientWithParameters":
      return encodePacket("2", pathAndParameters(edit)); // SMFIR_ADDRCPT_PAR
    case "deleteRecipient":
      return encodePacket("-", Buffer.from(`${edit.bytes}\0`, "latin1")); // SMFIR_DELRCPT
    case "changeSender":
      return encodePacket("e", pathAndParameters(edit)); // SMFIR_CHGFROM
    case "replaceBody":
      return encodeBody(edit.bytes);
  }
}

function strings(...texts: readonly string[]): Buffer {
  return Buffer.from(texts.map((text) => `${text}\0`).join(""));
}

function indexedHeader({ index, name, value }: { readonly index: number; readonly name: string; readonly value: string }): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(index);
  return Buffer.concat([bytes, strings(headerName(name), headerValue(value))]);
}

function pathAndParameters({ path, parameters }: { readonly path: string; readonly parameters: readonly string[] }): Buffer {
  return parameters.length === 0 ? strings(cleanText(path)) : strings(cleanText(path), cleanText(parameters.join(" ")));
}

function headerName(name: string): string {
  // RFC 5322 2.2
  if (!/^[!-9;-~]+$/.test(name)) throw new RangeError(`no name of a header: ${JSON.stringify(name)}`);
  return name;
}

/** A folded line begins with white space, and LF alone is before it. */
function headerValue(value: string): string {
  const [first = "", ...folded] = value.split(/\r\n|[\r\n]/).map(cleanText);
  const continuations = folded.filter((line) => line.trim() !== "").map((line) => `\n${line.startsWith(" ") ? line : ` ${line}`}`);
  return first + continuations.join("");
}

/** Postfix wants the parts of a body one behind the other. */
function encodeBody(bytes: Buffer): Buffer {
  const packets: Buffer[] = [];
  let position = 0;
  do {
    packets.push(encodePacket("b", bytes.subarray(position, position + maxDataOctets))); // SMFIR_REPLBODY
    position += maxDataOctets;
  } while (position < bytes.length);
  return Buffer.concat(packets);
}
