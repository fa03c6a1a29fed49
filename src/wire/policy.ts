/** Postfix policy delegation: attribute blocks to requests, actions to replies (SMTPD_POLICY_README). */
import { cleanText } from "../mail/reply.ts";
import { ProtocolError } from "./protocol-error.ts";

/**
 * The attributes that Postern reads, as sent; `""` when left out. Values may be parts of one longer string: who keeps one
 * beyond the request keeps a copy.
 */
export interface PolicyRequest {
  readonly protocolState: string;
  readonly clientAddress: string;
  readonly clientName: string;
  readonly clientPort: string;
  readonly serverAddress: string;
  readonly serverPort: string;
  readonly heloName: string;
  /** Unquoted, as the recipient. */
  readonly sender: string;
  readonly recipient: string;
  readonly instance: string;
  /** That the client declared, in octets. */
  readonly size: string;
  readonly stress: string;
  readonly saslUsername: string;
  readonly encryptionProtocol: string;
  readonly encryptionCipher: string;
  readonly policyContext: string;
}

/** Bytes of one request with its empty line, and thus of one line too. Postfix sends about 700. */
export const maxRequestBytes = 65_536;

/** Takes bytes in any portions and yields whole requests. After a `ProtocolError` it is of no further use. */
export class PolicyDecoder {
  /** What has come and is not yet consumed, one character a byte. */
  #text = "";
  #position = 0;
  /** Portions without a line end: no block ends in them, so they are joined only when one comes. */
  #later: string[] = [];
  #laterLength = 0;
  /** No block ends before this position. */
  #searched = 0;

  push(bytes: Buffer): void {
    const text = bytes.toString("latin1");
    if (this.#position === this.#text.length && this.#laterLength === 0) {
      this.#text = text;
      this.#position = 0;
      this.#searched = 0;
      return;
    }
    this.#later.push(text);
    this.#laterLength += text.length;
    if (text.includes("\n")) this.#join();
  }

  /** `undefined`: no whole request is there. Throws a `ProtocolError` when none can come. */
  next(): PolicyRequest | undefined {
    const text = this.#text;
    const start = this.#position;
    const end = endOfBlock(text, start, Math.max(start, this.#searched));
    if (end === undefined) {
      const length = text.length - start;
      if (length + this.#laterLength > maxRequestBytes) throw new ProtocolError(`a request of more than ${maxRequestBytes} bytes`);
      // The empty line may have begun in the last two bytes.
      this.#searched = Math.max(start, text.length - 2);
      return undefined;
    }
    if (end - start > maxRequestBytes) throw new ProtocolError(`a request of more than ${maxRequestBytes} bytes`);
    this.#position = end;
    return parseBlock(start === 0 && end === text.length ? text : text.slice(start, end));
  }

  #join(): void {
    const rest = this.#text.slice(this.#position);
    this.#searched = Math.max(0, this.#searched - this.#position);
    this.#position = 0;
    this.#text = rest + this.#later.join("");
    this.#later = [];
    this.#laterLength = 0;
  }
}

/** Behind the first empty line. Lines end in LF or CRLF. */
function endOfBlock(text: string, start: number, from: number): number | undefined {
  if (text.startsWith("\n", start)) return start + 1;
  if (text.startsWith("\r\n", start)) return start + 2;
  const lf = text.indexOf("\n\n", from);
  const crlf = text.includes("\r", from) ? text.indexOf("\n\r\n", from) : -1;
  if (crlf >= 0 && (lf < 0 || crlf < lf)) return crlf + 3;
  return lf < 0 ? undefined : lf + 2;
}

const notAscii = /[\u0080-\u00ff]/;

/** `bytes` is one block with its empty line, one character a byte. */
function parseBlock(bytes: string): PolicyRequest {
  if (bytes.includes("\0")) throw new ProtocolError("a NUL in a request");
  const block = notAscii.test(bytes) ? Buffer.from(bytes, "latin1").toString("utf8") : bytes;
  const values = new Array<string | undefined>(sendOrder.length).fill(undefined);
  let expected = 0;
  let position = 0;
  for (;;) {
    const lineEnd = block.indexOf("\n", position);
    const end = block.charCodeAt(lineEnd - 1) === carriageReturn && lineEnd > position ? lineEnd - 1 : lineEnd;
    if (end === position) break;
    const hint = sendOrder[expected];
    let index = expected;
    let valueAt: number;
    if (hint !== undefined && block.startsWith(hint, position)) {
      valueAt = position + hint.length;
    } else {
      const equals = block.indexOf("=", position);
      if (equals < 0 || equals >= end) throw new ProtocolError(`a line without "=": ${excerpt(block.slice(position, end))}`);
      valueAt = equals + 1;
      index = indexOfName.get(block.slice(position, valueAt)) ?? -1;
    }
    if (index >= 0) {
      // The first of a name counts, as with Postfix.
      if (isRead[index]) values[index] ??= block.slice(valueAt, end);
      expected = index + 1;
    }
    position = lineEnd + 1;
  }
  if (position === 0) throw new ProtocolError("an empty request");
  const request = values[slot.request] ?? "";
  if (request !== "" && request !== "smtpd_access_policy") throw new ProtocolError(`a request of the unknown kind ${excerpt(request)}`);
  return {
    protocolState: values[slot.protocol_state] ?? "",
    clientAddress: values[slot.client_address] ?? "",
    clientName: values[slot.client_name] ?? "",
    clientPort: values[slot.client_port] ?? "",
    serverAddress: values[slot.server_address] ?? "",
    serverPort: values[slot.server_port] ?? "",
    heloName: values[slot.helo_name] ?? "",
    sender: values[slot.sender] ?? "",
    recipient: values[slot.recipient] ?? "",
    instance: values[slot.instance] ?? "",
    size: values[slot.size] ?? "",
    stress: values[slot.stress] ?? "",
    saslUsername: values[slot.sasl_username] ?? "",
    encryptionProtocol: values[slot.encryption_protocol] ?? "",
    encryptionCipher: values[slot.encryption_cipher] ?? "",
    policyContext: values[slot.policy_context] ?? "",
  };
}

const carriageReturn = 13;

/** All attributes in the order in which Postfix sends them, so that the next name is nearly always known before it is read. */
const slot = {
  request: 0,
  protocol_state: 1,
  protocol_name: 2,
  client_address: 3,
  client_name: 4,
  client_port: 5,
  reverse_client_name: 6,
  server_address: 7,
  server_port: 8,
  helo_name: 9,
  sender: 10,
  recipient: 11,
  recipient_count: 12,
  queue_id: 13,
  instance: 14,
  size: 15,
  etrn_domain: 16,
  stress: 17,
  sasl_method: 18,
  sasl_username: 19,
  sasl_sender: 20,
  ccert_subject: 21,
  ccert_issuer: 22,
  ccert_fingerprint: 23,
  ccert_pubkey_fingerprint: 24,
  encryption_protocol: 25,
  encryption_cipher: 26,
  encryption_keysize: 27,
  policy_context: 28,
} as const;

/** The others are only passed over. */
const ignored: ReadonlySet<string> = new Set<keyof typeof slot>([
  "protocol_name",
  "reverse_client_name",
  "recipient_count",
  "queue_id",
  "etrn_domain",
  "sasl_method",
  "sasl_sender",
  "ccert_subject",
  "ccert_issuer",
  "ccert_fingerprint",
  "ccert_pubkey_fingerprint",
  "encryption_keysize",
]);

const isRead = Object.keys(slot).map((name) => !ignored.has(name));
const sendOrder = Object.keys(slot).map((name) => `${name}=`);
const indexOfName: ReadonlyMap<string, number> = new Map(sendOrder.map((name, index) => [name, index]));

const excerpt = (text: string) => JSON.stringify(cleanText(text).slice(0, 60));

const maxTextBytes = 400;

/**
 * One reply. An action of digits alone would be a permit to Postfix, and a space after `=` an unknown restriction:
 * a numeric verb always has a text, and nothing comes before the verb.
 */
export function encodeAction(verb: string, text = ""): string {
  const cleaned = cut(cleanText(text).trim());
  const shown = cleaned === "" && /^\d+$/.test(verb) ? "Refused." : cleaned;
  return shown === "" ? `action=${verb}\n\n` : `action=${verb} ${shown}\n\n`;
}

/** Cut to what fits a reply line, at a character's border. */
function cut(text: string): string {
  const wellFormed = text.toWellFormed();
  if (Buffer.byteLength(wellFormed) <= maxTextBytes) return wellFormed;
  return new TextDecoder().decode(Buffer.from(wellFormed).subarray(0, maxTextBytes), { stream: true });
}
