/** Commands of the milter protocol: what an MTA says, versions 2 to 6. */
import { canonicalIp } from "../../mail/ip.ts";
import { type Path, parsePath } from "../../mail/path.ts";
import { decodeUtf8 } from "../../mail/utf8.ts";
import { cleanText } from "../../text/controls.ts";
import { detach } from "../../text/octets.ts";
import { ProtocolError } from "../protocol-error.ts";
import { SMFIA, SMFIC } from "./codes.ts";
import { type MacroStage, readMacros, type StageMacros } from "./macros.ts";
import { decodeOffer, isAnswered, type Negotiation } from "./options.ts";
import { numberAt, type Packet, PacketDecoder, readStrings } from "./packet.ts";

/**
 * Text is UTF-8; what is not becomes U+FFFD. A path keeps its bytes (see `Path`). What is in the message, and in commands that the MTA
 * does not know, is left out, since nothing is decided by it.
 */
export type Command =
  | { readonly kind: "offer"; readonly offer: Negotiation }
  /** They come before the command that they belong to, also for events that were declined. */
  | { readonly kind: "macros"; readonly stage: MacroStage; readonly macros: StageMacros }
  /** `host` is the client's name, or its address in brackets. */
  | { readonly kind: "connect"; readonly host: string; readonly client: Client }
  | { readonly kind: "helo"; readonly name: string }
  /** Parameters as sent, such as `SIZE=100`. */
  | { readonly kind: "mail"; readonly path: Path; readonly parameters: readonly string[] }
  | { readonly kind: "rcpt"; readonly path: Path; readonly parameters: readonly string[] }
  | { readonly kind: "data" }
  | { readonly kind: "header" }
  | { readonly kind: "endOfHeader" }
  | { readonly kind: "body" }
  /** It may come with a last part of the body. */
  | { readonly kind: "endOfMessage" }
  /** A command that the MTA does not know. */
  | { readonly kind: "unknown" }
  | { readonly kind: "abort" }
  | { readonly kind: "quit" }
  /** A new client will come over the same connection; what was negotiated stays. */
  | { readonly kind: "quitNewConnection" };

export type Client =
  | { readonly family: "unknown" }
  | { readonly family: "unix"; readonly path: string }
  /** Canonical; `undefined` when what was sent is not an address. */
  | { readonly family: "ip"; readonly address: string | undefined; readonly port: number };

/** A name that is longer is cut, and still much too long for one; a command line has no room for more. */
export const maxHeloOctets = 2048;

/** The MTA has it from the DNS, where names have 255. */
export const maxHostOctets = 1024;

/** Takes bytes in any portions and yields commands. After a `ProtocolError` it is of no further use. */
export class CommandDecoder {
  readonly #packets = new PacketDecoder();

  get isMidway(): boolean {
    return this.#packets.isMidway;
  }

  get unread(): number {
    return this.#packets.unread;
  }

  get mostKept(): number {
    return this.#packets.mostKept;
  }

  push(bytes: Buffer, octets?: number): void {
    this.#packets.push(bytes, octets);
  }

  /** What was pushed may change now. */
  keep(): void {
    this.#packets.keep();
  }

  /** `undefined`: no whole command is there. */
  next(): Command | undefined {
    const packet = this.#packets.next();
    return packet && decodeCommand(packet);
  }
}

/** The MTA waits for a response to the command. */
export function expectsReply(kind: Command["kind"], negotiated: Negotiation): boolean {
  switch (kind) {
    case "offer":
    case "endOfMessage":
      return true;
    case "macros":
    case "abort":
    case "quit":
    case "quitNewConnection":
      return false;
    case "connect":
    case "helo":
    case "mail":
    case "rcpt":
    case "data":
    case "header":
    case "endOfHeader":
    case "body":
    case "unknown":
      return isAnswered(kind, negotiated);
  }
}

/** Commands of which nothing but the kind is looked at. */
const bare = {
  data: { kind: "data" },
  header: { kind: "header" },
  endOfHeader: { kind: "endOfHeader" },
  body: { kind: "body" },
  endOfMessage: { kind: "endOfMessage" },
  unknown: { kind: "unknown" },
  abort: { kind: "abort" },
  quit: { kind: "quit" },
  quitNewConnection: { kind: "quitNewConnection" },
} as const satisfies Partial<Record<Command["kind"], Command>>;

/** Octets after the last field of a command are ignored, as by libmilter. */
function decodeCommand({ letter, data }: Packet): Command {
  switch (letter) {
    case SMFIC.OPTNEG:
      return { kind: "offer", offer: decodeOffer(data) };
    case SMFIC.MACRO:
      return decodeMacros(data);
    case SMFIC.CONNECT:
      return decodeConnect(data);
    case SMFIC.HELO:
      return decodeHelo(data);
    case SMFIC.MAIL:
      return decodeEnvelope("mail", data);
    case SMFIC.RCPT:
      return decodeEnvelope("rcpt", data);
    case SMFIC.DATA:
      return bare.data;
    case SMFIC.HEADER:
      checkTexts(data, 2, "a header");
      return bare.header;
    case SMFIC.EOH:
      return bare.endOfHeader;
    case SMFIC.BODY:
      return bare.body;
    case SMFIC.BODYEOB:
      return bare.endOfMessage;
    case SMFIC.UNKNOWN:
      checkTexts(data, 1, "an unknown command");
      return bare.unknown;
    case SMFIC.ABORT:
      return bare.abort;
    case SMFIC.QUIT:
      return bare.quit;
    case SMFIC.QUIT_NC:
      return bare.quitNewConnection;
    default:
      throw new ProtocolError(`a command of the unknown kind ${JSON.stringify(cleanText(letter))}`);
  }
}

const macroStages: ReadonlyMap<string, MacroStage> = new Map<string, MacroStage>([
  [SMFIC.CONNECT, "connect"],
  [SMFIC.HELO, "helo"],
  [SMFIC.MAIL, "mail"],
  [SMFIC.RCPT, "rcpt"],
  [SMFIC.DATA, "data"],
  [SMFIC.HEADER, "header"],
  [SMFIC.EOH, "endOfHeader"],
  [SMFIC.BODY, "body"],
  [SMFIC.BODYEOB, "endOfMessage"],
  [SMFIC.UNKNOWN, "unknown"],
]);

function decodeMacros(data: string): Command {
  const stage = macroStages.get(data.charAt(0));
  if (stage === undefined) throw new ProtocolError("macros of no known stage");
  return { kind: "macros", stage, macros: readMacros(data, 1) };
}

/** Not a part of the packet, for the name is kept. */
function decodeHelo(data: string): Command {
  const end = data.indexOf("\0");
  if (end < 0) throw new ProtocolError("HELO without its text");
  return { kind: "helo", name: detach(decodeUtf8(data.slice(0, Math.min(end, maxHeloOctets)))) };
}

function decodeConnect(data: string): Command {
  const hostEnd = data.indexOf("\0");
  // The NUL and the family.
  if (hostEnd < 0 || data.length < hostEnd + 2) throw new ProtocolError("an incomplete CONNECT");
  if (hostEnd > maxHostOctets) throw new ProtocolError(`a CONNECT from a host of ${hostEnd} octets`);
  const host = detach(decodeUtf8(data.slice(0, hostEnd)));
  const family = data.charAt(hostEnd + 1);
  if (family === SMFIA.UNKNOWN) return { kind: "connect", host, client: { family: "unknown" } };
  const portStart = hostEnd + 2;
  const addressStart = portStart + 2;
  const addressEnd = data.indexOf("\0", addressStart);
  if (addressEnd < 0) throw new ProtocolError("an incomplete CONNECT");
  const text = decodeUtf8(data.slice(addressStart, addressEnd));
  switch (family) {
    case SMFIA.UNIX:
      return { kind: "connect", host, client: { family: "unix", path: text } };
    case SMFIA.INET:
    case SMFIA.INET6:
      return { kind: "connect", host, client: { family: "ip", address: canonicalIp(text), port: numberAt(data, portStart, 2) } };
    default:
      throw new ProtocolError("a CONNECT of no known address family");
  }
}

function decodeEnvelope(kind: "mail" | "rcpt", data: string): Command {
  const strings = readStrings(data);
  const path = strings.shift();
  if (path === undefined) throw new ProtocolError(`${kind.toUpperCase()} without an address`);
  return { kind, path: parsePath(path), parameters: strings.map(decodeUtf8) };
}

/** Strings that nobody reads. */
function checkTexts(data: string, least: number, what: string): void {
  let end = -1;
  for (let count = 0; count < least; count += 1) {
    end = data.indexOf("\0", end + 1);
    if (end < 0) throw new ProtocolError(`${what} without its text`);
  }
}
