/** Postfix policy delegation: attribute blocks to requests, actions to replies (SMTPD_POLICY_README). */

import { isAscii } from "node:buffer";
import { decodeUtf8 } from "../mail/utf8.ts";
import { decodeXtext } from "../mail/xtext.ts";
import { cleanText } from "../text/controls.ts";
import { detach } from "../text/octets.ts";
import { Backlog } from "./backlog.ts";
import { ProtocolError } from "./protocol-error.ts";

/**
 * The attributes that Postern reads, as sent; `""` when left out. To keep one of them keeps at most `maxJoined` characters of the others.
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
  /** Names in the certificate of a client that was authenticated by it, decoded. */
  readonly ccertSubject: string;
  readonly ccertIssuer: string;
  readonly ccertFingerprint: string;
  readonly encryptionProtocol: string;
  readonly encryptionCipher: string;
  readonly policyContext: string;
}

/** Octets of one request with its empty line, and thus of one line too. Postfix sends about 700. */
export const maxRequestOctets = 65_536;

/** Of a value that the MTA itself makes. Names of hosts have 255, and instances about 50. */
export const maxValueOctets = 1024;

/** Values of a request that are parts of one text have no more characters together. */
const maxJoined = 1024;

/** Takes bytes in any portions and yields whole requests. After a `ProtocolError` it is of no further use. */
export class PolicyDecoder {
  readonly #backlog = new Backlog();
  /** How much of the backlog is whole lines. */
  #lineOctets = 0;
  /** Whole lines, one character a byte. Each is read once, whatever request it belongs to. */
  #lines = "";
  #position = 0;
  /** Neither a NUL nor what needs decoding is in the backlog, or in the lines. */
  #isBacklogPlain = true;
  #isPlain = true;
  /** Of the request that is being read. */
  #octets = 0;
  readonly #values = new Array<string | undefined>(sendOrder.length).fill(undefined);
  readonly #parts: string[] = [];
  /** Of the request before, what the MTA says of itself. */
  readonly #last = new Array<string | undefined>(sendOrder.length).fill(undefined);
  /** The attribute that Postfix would send next. */
  #expected = 0;

  push(bytes: Buffer): void {
    const isPlain = isAscii(bytes) && !bytes.includes(0);
    this.#isBacklogPlain = isPlain && (this.#isBacklogPlain || this.#backlog.length === 0);
    const lastLineEnd = bytes.lastIndexOf(lineFeed);
    if (lastLineEnd >= 0) this.#lineOctets = this.#backlog.length + lastLineEnd + 1;
    this.#backlog.push(bytes);
  }

  /** `undefined`: no whole request is there. Throws a `ProtocolError` when none can come. */
  next(): PolicyRequest | undefined {
    while (this.#position < this.#lines.length || this.#takeLines()) {
      const start = this.#position;
      const lineEnd = this.#lines.indexOf("\n", start);
      this.#position = lineEnd + 1;
      this.#octets += lineEnd + 1 - start;
      checkLength(this.#octets);
      const end = lineEnd > start && this.#lines.charCodeAt(lineEnd - 1) === carriageReturn ? lineEnd - 1 : lineEnd;
      if (end === start) return this.#finish(this.#octets === lineEnd + 1 - start);
      this.#readLine(start, end);
    }
    checkLength(this.#octets + this.#backlog.length);
    return undefined;
  }

  get isMidway(): boolean {
    return this.#octets + this.#backlog.length > 0;
  }

  #takeLines(): boolean {
    this.#lines = this.#lineOctets === 0 ? "" : this.#backlog.takeText(this.#lineOctets);
    this.#lineOctets = 0;
    this.#position = 0;
    this.#isPlain = this.#isBacklogPlain;
    return this.#lines !== "";
  }

  #readLine(start: number, end: number): void {
    const lines = this.#lines;
    if (!this.#isPlain && lines.slice(start, end).includes("\0")) throw new ProtocolError("a NUL in a request");
    const hint = sendOrder[this.#expected];
    let index = this.#expected;
    let valueAt: number;
    if (hint !== undefined && lines.startsWith(hint, start)) {
      valueAt = start + hint.length;
    } else {
      const equals = lines.indexOf("=", start);
      if (equals < 0 || equals >= end) throw new ProtocolError(`a line without "=": ${excerpt(this.#text(start, end))}`);
      valueAt = equals + 1;
      index = indexOfName.get(lines.slice(start, valueAt)) ?? -1;
    }
    if (index < 0) return;
    this.#expected = index + 1;
    // The first of a name counts, as with Postfix.
    if (!isRead[index] || this.#values[index] !== undefined) return;
    if (end - valueAt > maxValueOctets && !isFromClient[index]) {
      throw new ProtocolError(`an attribute of more than ${maxValueOctets} octets: ${sendOrder[index]}`);
    }
    this.#values[index] = isOfMta[index] ? this.#known(index, valueAt, end) : this.#text(valueAt, end);
  }

  /** Most requests of a connection have the same. */
  #known(index: number, start: number, end: number): string {
    const last = this.#last[index];
    if (last !== undefined && this.#isPlain && last.length === end - start && this.#lines.startsWith(last, start)) return last;
    const value = detach(this.#text(start, end));
    this.#last[index] = value;
    return value;
  }

  #text(start: number, end: number): string {
    const bytes = this.#lines.slice(start, end);
    return this.#isPlain ? bytes : decodeUtf8(bytes);
  }

  #finish(isEmpty: boolean): PolicyRequest {
    if (isEmpty) throw new ProtocolError("an empty request");
    const values = this.#values;
    this.#detachValues();
    const kind = values[slot.request] ?? "";
    if (kind !== "" && kind !== "smtpd_access_policy") throw new ProtocolError(`a request of the unknown kind ${excerpt(kind)}`);
    const request = {
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
      ccertSubject: decodeXtext(values[slot.ccert_subject] ?? ""),
      ccertIssuer: decodeXtext(values[slot.ccert_issuer] ?? ""),
      ccertFingerprint: values[slot.ccert_fingerprint] ?? "",
      encryptionProtocol: values[slot.encryption_protocol] ?? "",
      encryptionCipher: values[slot.encryption_cipher] ?? "",
      policyContext: values[slot.policy_context] ?? "",
    };
    values.fill(undefined);
    this.#expected = 0;
    this.#octets = 0;
    return request;
  }

  /** Parts of the lines, each of which keeps all of them alive, become parts of one text that has nothing else. */
  #detachValues(): void {
    const values = this.#values;
    const parts = this.#parts;
    for (let index = 0; index < values.length; index += 1) {
      const value = values[index];
      if (value !== undefined && value !== "" && !isOfMta[index]) parts.push(value);
    }
    const joined = parts.join("");
    // A single one would be itself.
    const isShort = parts.length > 1 && joined.length <= maxJoined;
    parts.length = 0;
    let at = 0;
    for (let index = 0; index < values.length; index += 1) {
      const value = values[index];
      if (value === undefined || value === "" || isOfMta[index]) continue;
      values[index] = isShort ? joined.slice(at, at + value.length) : detach(value);
      at += value.length;
    }
  }
}

function checkLength(octets: number): void {
  if (octets > maxRequestOctets) throw new ProtocolError(`a request of more than ${maxRequestOctets} octets`);
}

const lineFeed = 10;
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
  "ccert_pubkey_fingerprint",
  "encryption_keysize",
]);

/** The client makes them up: how long they may be is decided, and replied to, where they are used. */
const fromClient: ReadonlySet<string> = new Set<keyof typeof slot>(["helo_name", "sender", "recipient"]);

/** What it says of itself, and of how it was reached: the same in most requests. */
const ofMta: ReadonlySet<string> = new Set<keyof typeof slot>([
  "request",
  "protocol_state",
  "server_address",
  "server_port",
  "stress",
  "encryption_protocol",
  "encryption_cipher",
  "policy_context",
]);

const isOfMta = Object.keys(slot).map((name) => ofMta.has(name));
const isFromClient = Object.keys(slot).map((name) => fromClient.has(name));
const isRead = Object.keys(slot).map((name) => !ignored.has(name));
const sendOrder = Object.keys(slot).map((name) => `${name}=`);
const indexOfName: ReadonlyMap<string, number> = new Map(sendOrder.map((name, index) => [name, index]));

const excerpt = (text: string) => JSON.stringify(cleanText(text).slice(0, 60));

const maxTextOctets = 400;

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
  if (Buffer.byteLength(wellFormed) <= maxTextOctets) return wellFormed;
  return new TextDecoder().decode(Buffer.from(wellFormed).subarray(0, maxTextOctets), { stream: true });
}
