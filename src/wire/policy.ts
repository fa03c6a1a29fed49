/** Postfix policy delegation: attribute blocks to requests, actions to replies (SMTPD_POLICY_README). */

import { decodeXtext } from "../mail/xtext.ts";
import { carriageReturn, lineFeed } from "../text/ascii.ts";
import { cleanText } from "../text/controls.ts";
import { Backlog } from "./backlog.ts";
import { ProtocolError } from "./protocol-error.ts";

/**
 * The attributes that Postern reads, as sent; `""` when left out. To keep one of them keeps at most `maxShared` characters of the others.
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
  /**
   * It names `etrn_domain`, as smtpd(8) of Postfix always does (2.1), and hardly anything else would: each of its processes has connections
   * of its own, and one client after the other.
   */
  readonly isOfSmtpd: boolean;
}

interface KnownValue {
  readonly text: string;
  readonly octets: Uint8Array;
}

const noValue: KnownValue = { text: "", octets: new Uint8Array(0) };

/** Octets of one request with its empty line, and thus of one line too. Postfix sends about 700. */
export const maxRequestOctets = 65_536;

/** Of a value that the MTA itself makes. Names of hosts have 255, and instances about 50. */
export const maxValueOctets = 1024;

/** Values of a request are parts of one text if they have no more characters together. */
const maxShared = 1024;

/** Where the octets of that text are put together. */
const scratch = Buffer.alloc(maxShared);

/** Takes bytes in any portions and yields whole requests. After a `ProtocolError` it is of no further use. */
export class PolicyDecoder {
  /** It begins with the request that is being read. Places below are those of octets in it. */
  readonly #backlog = new Backlog(maxRequestOctets);
  /** Each octet is looked at once, and those of an unexpected name once more when its line is whole. */
  #scanned = 0;
  #lineStart = 0;
  /** Where the value of the line begins; `missing`: the attribute is not the expected one. */
  #valueStart = missing;
  /** All octets that were looked at, by "or": below 128 when none needs decoding. */
  #bits = 0;
  #hasNul = false;
  #namesEtrnDomain = false;
  /** The attribute that Postfix would send next. */
  #expected = 0;
  /** Where values are; `missing`: there is none. */
  readonly #starts = new Int32Array(sendOrder.length).fill(missing);
  readonly #ends = new Int32Array(sendOrder.length);
  /** The text that those which are not the MTA's own are parts of, in their order, each of which keeps it alive; `undefined`: there is none. */
  #shared: string | undefined;
  /** How much of it has been read. */
  #taken = 0;

  push(bytes: Buffer, octets?: number): void {
    this.#backlog.push(bytes, octets);
  }

  /** What was pushed may change now. */
  keep(): void {
    this.#backlog.keep();
  }

  /** `undefined`: no whole request is there. Throws a `ProtocolError` when none can come. */
  next(): PolicyRequest | undefined {
    const { bytes, start, length } = this.#backlog;
    let lineStart = this.#lineStart;
    let place = this.#scanned;
    let bits = this.#bits;
    for (;;) {
      if (place === lineStart) {
        this.#valueStart = this.#expectedValue(lineStart);
        if (this.#valueStart !== missing) place = this.#valueStart;
      }
      for (; place < length; place += 1) {
        const octet = bytes[start + place] ?? 0;
        bits |= octet;
        if (octet > lineFeed) continue;
        if (octet === 0) this.#hasNul = true;
        if (octet === lineFeed) break;
      }
      checkLength(Math.min(place + 1, length));
      this.#bits = bits;
      if (place === length) break;
      const lineEnd = place > lineStart && bytes[start + place - 1] === carriageReturn ? place - 1 : place;
      if (lineEnd === lineStart) return this.#finish(lineStart === 0, place + 1);
      this.#readLine(lineStart, lineEnd);
      place += 1;
      lineStart = place;
    }
    this.#scanned = place;
    this.#lineStart = lineStart;
    return undefined;
  }

  get isMidway(): boolean {
    return this.#backlog.length > 0;
  }

  get unread(): number {
    return this.#backlog.length;
  }

  get mostKept(): number {
    return this.#backlog.most;
  }

  /** Where it begins if the line there begins with the name that Postfix would send next, as far as the octets have come; else `missing`. */
  #expectedValue(lineStart: number): number {
    const from = nameStarts[this.#expected] ?? 0;
    const end = nameStarts[this.#expected + 1] ?? from;
    const { bytes, start, length } = this.#backlog;
    if (from === end || end - from > length - lineStart) return missing;
    const offset = start + lineStart - from;
    for (let index = from; index < end; index += 1) if (names[index] !== bytes[offset + index]) return missing;
    return lineStart + end - from;
  }

  #readLine(start: number, end: number): void {
    if (this.#hasNul) throw new ProtocolError("a NUL in a request");
    let index = this.#expected;
    let valueAt = this.#valueStart;
    if (valueAt === missing) {
      valueAt = start;
      while (valueAt < end && this.#backlog.byte(valueAt) !== equalsSign) valueAt += 1;
      if (valueAt === end) throw new ProtocolError(`a line without "=": ${excerpt(this.#text(start, end))}`);
      valueAt += 1;
      index = indexOfName.get(this.#text(start, valueAt)) ?? missing;
      if (index === missing) return;
    }
    this.#expected = index + 1;
    if (index === slot.etrn_domain) this.#namesEtrnDomain = true;
    // The first of a name counts, as with Postfix.
    if (!isRead[index] || this.#starts[index] !== missing) return;
    if (end - valueAt > maxValueOctets && !isFromClient[index]) {
      throw new ProtocolError(`an attribute of more than ${maxValueOctets} octets: ${sendOrder[index]}`);
    }
    this.#starts[index] = valueAt;
    this.#ends[index] = end;
  }

  #finish(isEmpty: boolean, octets: number): PolicyRequest {
    if (isEmpty) throw new ProtocolError("an empty request");
    const kind = this.#known(slot.request);
    if (kind !== "" && kind !== "smtpd_access_policy") throw new ProtocolError(`a request of the unknown kind ${excerpt(kind)}`);
    this.#shared = this.#bits <= lastAscii ? this.#together() : undefined;
    const request = {
      protocolState: this.#known(slot.protocol_state),
      clientAddress: this.#value(slot.client_address),
      clientName: this.#value(slot.client_name),
      clientPort: this.#value(slot.client_port),
      serverAddress: this.#known(slot.server_address),
      serverPort: this.#known(slot.server_port),
      heloName: this.#value(slot.helo_name),
      sender: this.#value(slot.sender),
      recipient: this.#value(slot.recipient),
      instance: this.#value(slot.instance),
      size: this.#value(slot.size),
      stress: this.#known(slot.stress),
      saslUsername: this.#value(slot.sasl_username),
      ccertSubject: decodeXtext(this.#value(slot.ccert_subject)),
      ccertIssuer: decodeXtext(this.#value(slot.ccert_issuer)),
      ccertFingerprint: this.#value(slot.ccert_fingerprint),
      encryptionProtocol: this.#known(slot.encryption_protocol),
      encryptionCipher: this.#known(slot.encryption_cipher),
      policyContext: this.#known(slot.policy_context),
      isOfSmtpd: this.#namesEtrnDomain,
    };
    this.#backlog.skip(octets);
    this.#scanned = 0;
    this.#lineStart = 0;
    this.#bits = 0;
    this.#expected = 0;
    this.#namesEtrnDomain = false;
    for (let index = 0; index < sendOrder.length; index += 1) this.#starts[index] = missing;
    this.#shared = undefined;
    this.#taken = 0;
    return request;
  }

  /** The values that are not the MTA's own, one after the other; `undefined`: they are too long. */
  #together(): string | undefined {
    const { bytes, start: origin } = this.#backlog;
    let length = 0;
    for (let index = 0; index < sendOrder.length; index += 1) {
      if (isOfMta[index]) continue;
      const start = this.#starts[index] ?? missing;
      const end = this.#ends[index] ?? 0;
      if (start === missing) continue;
      if (length + end - start > maxShared) return undefined;
      for (let place = origin + start; place < origin + end; place += 1) {
        scratch[length] = bytes[place] ?? 0;
        length += 1;
      }
    }
    return scratch.toString("latin1", 0, length);
  }

  /** To be called in the order of the attributes. */
  #value(index: number): string {
    const start = this.#starts[index] ?? missing;
    const end = this.#ends[index] ?? 0;
    if (start === missing || start === end) return "";
    if (this.#shared === undefined) return this.#text(start, end);
    const from = this.#taken;
    this.#taken += end - start;
    return this.#shared.slice(from, this.#taken);
  }

  #known(index: number): string {
    const start = this.#starts[index] ?? missing;
    const end = this.#ends[index] ?? 0;
    if (start === missing || start === end) return "";
    const last = lastOfMta[index] ?? noValue;
    if (this.#isThere(last.octets, start, end)) return last.text;
    const { bytes, start: origin } = this.#backlog;
    const text = this.#text(start, end);
    lastOfMta[index] = { text, octets: new Uint8Array(bytes.subarray(origin + start, origin + end)) };
    return text;
  }

  #isThere(octets: Uint8Array, start: number, end: number): boolean {
    if (octets.length !== end - start) return false;
    const { bytes, start: origin } = this.#backlog;
    for (let index = 0; index < octets.length; index += 1) if (octets[index] !== bytes[origin + start + index]) return false;
    return true;
  }

  /** What is not UTF-8 becomes U+FFFD. */
  #text(start: number, end: number): string {
    const { bytes, start: origin } = this.#backlog;
    return bytes.toString(this.#bits <= lastAscii ? "latin1" : "utf8", origin + start, origin + end);
  }
}

function checkLength(octets: number): void {
  if (octets > maxRequestOctets) throw new ProtocolError(`a request of more than ${maxRequestOctets} octets`);
}

const missing = -1;
const equalsSign = 61;
const lastAscii = 127;

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

/** What the MTA said of itself last, on whatever connection: nearly all requests have the same, which therefore is near to the processor. */
const lastOfMta = Object.keys(slot).map(() => noValue);

const isOfMta = Object.keys(slot).map((name) => ofMta.has(name));
const isFromClient = Object.keys(slot).map((name) => fromClient.has(name));
const isRead = Object.keys(slot).map((name) => !ignored.has(name));
const sendOrder = Object.keys(slot).map((name) => `${name}=`);
/** Of all of them in a row. */
const names = Buffer.from(sendOrder.join(""), "latin1");
/** Where each begins in `names`, and at last where they end. */
const nameStarts = new Uint16Array(sendOrder.length + 1);
for (const [index, { length }] of sendOrder.entries()) nameStarts[index + 1] = (nameStarts[index] ?? 0) + length;
const indexOfName: ReadonlyMap<string, number> = new Map(sendOrder.map((name, index) => [name, index]));

const excerpt = (text: string) => JSON.stringify(cleanText(text).slice(0, 60));

/** Of a reply. */
const maxTextOctets = 400;

/** Of a header, as whoever makes it knows (RFC 5322 2.1.1). */
const maxHeaderOctets = 998;

/**
 * One reply. An action of digits alone would be a permit to Postfix, and a space after `=` an unknown restriction:
 * a numeric verb always has a text, and nothing comes before the verb.
 */
export function encodeAction(verb: string, text = ""): string {
  const cleaned = cut(cleanText(text).trim(), verb === "PREPEND" ? maxHeaderOctets : maxTextOctets);
  const shown = cleaned === "" && /^\d+$/.test(verb) ? "Refused." : cleaned;
  return shown === "" ? `action=${verb}\n\n` : `action=${verb} ${shown}\n\n`;
}

/** Cut at a character's border. */
function cut(text: string, maxOctets: number): string {
  const wellFormed = text.toWellFormed();
  if (Buffer.byteLength(wellFormed) <= maxOctets) return wellFormed;
  return new TextDecoder().decode(Buffer.from(wellFormed).subarray(0, maxOctets), { stream: true });
}
