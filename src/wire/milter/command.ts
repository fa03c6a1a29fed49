/** Commands of the milter protocol: what an MTA says, versions 2 to 6. */
import { canonicalIp } from "../../mail/ip.ts";
import { type Path, parsePath } from "../../mail/path.ts";
import { decodeUtf8 } from "../../mail/utf8.ts";
import { cleanText } from "../../text/controls.ts";
import { ProtocolError } from "../protocol-error.ts";
import { SMFIA, SMFIC } from "./codes.ts";
import { type MacroStage, type MacroValues, readMacros } from "./macros.ts";
import { decodeOffer, isAnswered, type Negotiation } from "./options.ts";
import { type Packet, PacketDecoder, readStrings } from "./packet.ts";

/** Text is UTF-8; what is not becomes U+FFFD. A path keeps its bytes (see `Path`). */
export type Command =
  | { readonly kind: "offer"; readonly offer: Negotiation }
  /** They come before the command that they belong to, also for events that were declined. */
  | { readonly kind: "macros"; readonly stage: MacroStage; readonly values: MacroValues }
  /** `host` is the client's name, or its address in brackets. */
  | { readonly kind: "connect"; readonly host: string; readonly client: Client }
  | { readonly kind: "helo"; readonly name: string }
  /** Parameters as sent, such as `SIZE=100`. */
  | { readonly kind: "mail"; readonly path: Path; readonly parameters: readonly string[] }
  | { readonly kind: "rcpt"; readonly path: Path; readonly parameters: readonly string[] }
  | { readonly kind: "data" }
  | { readonly kind: "header"; readonly name: string; readonly value: string }
  | { readonly kind: "endOfHeader" }
  | { readonly kind: "body"; readonly bytes: Buffer }
  /** `bytes`: a last part of the body, mostly none. */
  | { readonly kind: "endOfMessage"; readonly bytes: Buffer }
  /** A command line that the MTA does not know, or its first word. */
  | { readonly kind: "unknown"; readonly line: string }
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

  push(bytes: Buffer): void {
    this.#packets.push(bytes);
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

/** Octets after the last field of a command are ignored, as by libmilter. */
function decodeCommand({ letter, data }: Packet): Command {
  switch (letter) {
    case SMFIC.OPTNEG:
      return { kind: "offer", offer: decodeOffer(data) };
    case SMFIC.MACRO:
      return { kind: "macros", stage: macroStage(data), values: readMacros(data, 1) };
    case SMFIC.CONNECT:
      return decodeConnect(data);
    case SMFIC.HELO:
      return { kind: "helo", name: decodeHelo(data) };
    case SMFIC.MAIL:
      return { kind: "mail", ...decodeEnvelope(data, "MAIL") };
    case SMFIC.RCPT:
      return { kind: "rcpt", ...decodeEnvelope(data, "RCPT") };
    case SMFIC.DATA:
      return { kind: "data" };
    case SMFIC.HEADER: {
      const [name = "", value = ""] = readTexts(data, 2, "a header");
      return { kind: "header", name, value };
    }
    case SMFIC.EOH:
      return { kind: "endOfHeader" };
    case SMFIC.BODY:
      return { kind: "body", bytes: data };
    case SMFIC.BODYEOB:
      return { kind: "endOfMessage", bytes: data };
    case SMFIC.UNKNOWN:
      return { kind: "unknown", line: readTexts(data, 1, "an unknown command")[0] ?? "" };
    case SMFIC.ABORT:
      return { kind: "abort" };
    case SMFIC.QUIT:
      return { kind: "quit" };
    case SMFIC.QUIT_NC:
      return { kind: "quitNewConnection" };
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

function macroStage(data: Buffer): MacroStage {
  const stage = macroStages.get(data.toString("latin1", 0, 1));
  if (stage === undefined) throw new ProtocolError("macros of no known stage");
  return stage;
}

/** Not a part of the packet, for the name is kept. */
function decodeHelo(data: Buffer): string {
  const end = data.indexOf(0);
  if (end < 0) throw new ProtocolError("HELO without its text");
  return data.toString("utf8", 0, Math.min(end, maxHeloOctets));
}

function decodeConnect(data: Buffer): Command {
  const hostEnd = data.indexOf(0);
  // The NUL and the family.
  if (hostEnd < 0 || data.length < hostEnd + 2) throw new ProtocolError("an incomplete CONNECT");
  if (hostEnd > maxHostOctets) throw new ProtocolError(`a CONNECT from a host of ${hostEnd} octets`);
  const host = data.toString("utf8", 0, hostEnd);
  const family = data.toString("latin1", hostEnd + 1, hostEnd + 2);
  if (family === SMFIA.UNKNOWN) return { kind: "connect", host, client: { family: "unknown" } };
  const portStart = hostEnd + 2;
  const addressStart = portStart + 2;
  const addressEnd = data.indexOf(0, addressStart);
  if (addressEnd < 0) throw new ProtocolError("an incomplete CONNECT");
  const text = data.toString("utf8", addressStart, addressEnd);
  switch (family) {
    case SMFIA.UNIX:
      return { kind: "connect", host, client: { family: "unix", path: text } };
    case SMFIA.INET:
    case SMFIA.INET6:
      return { kind: "connect", host, client: { family: "ip", address: canonicalIp(text), port: data.readUInt16BE(portStart) } };
    default:
      throw new ProtocolError("a CONNECT of no known address family");
  }
}

function decodeEnvelope(data: Buffer, what: string): { readonly path: Path; readonly parameters: readonly string[] } {
  const [path, ...parameters] = readStrings(data, 0);
  if (path === undefined) throw new ProtocolError(`${what} without an address`);
  return { path: parsePath(path), parameters: parameters.map(decodeUtf8) };
}

function readTexts(data: Buffer, least: number, what: string): string[] {
  const strings = readStrings(data, 0);
  if (strings.length < least) throw new ProtocolError(`${what} without its text`);
  return strings.map(decodeUtf8);
}
