/** Frames of the milter protocol: a length of four octets, a letter, data; and strings in the data, each with a NUL at its end. */
import { Backlog } from "../backlog.ts";
import { ProtocolError } from "../protocol-error.ts";

export interface Packet {
  /** One character: the letter of a command or response. */
  readonly letter: string;
  /** One character a byte. */
  readonly data: string;
}

/** What an MTA takes from a filter (MILTER_CHUNK_SIZE), and what it sends of a body at once. */
export const maxDataOctets = 65_535;

/** Postfix sends 65,536 in places, and has headers of up to 102,400 (header_size_limit). */
const room = 65_536;

/** The length counts the letter. */
export const maxPacketOctets = 1 + maxDataOctets + room;

const lengthOctets = 4;

/** Takes bytes in any portions and yields whole packets. After a `ProtocolError` it is of no further use. */
export class PacketDecoder {
  readonly #backlog = new Backlog(lengthOctets + maxPacketOctets);

  get isMidway(): boolean {
    return this.#backlog.length > 0;
  }

  get unread(): number {
    return this.#backlog.length;
  }

  get mostKept(): number {
    return this.#backlog.most;
  }

  push(bytes: Buffer, octets?: number): void {
    this.#backlog.push(bytes, octets);
  }

  /** What was pushed may change now. */
  keep(): void {
    this.#backlog.keep();
  }

  /** `undefined`: no whole packet is there. */
  next(): Packet | undefined {
    if (this.#backlog.length < lengthOctets) return undefined;
    const length = this.#backlog.uint32();
    if (length === 0) throw new ProtocolError("an empty packet");
    if (length > maxPacketOctets) throw new ProtocolError(`a packet of ${length} octets`);
    if (this.#backlog.length < lengthOctets + length) return undefined;
    const letter = String.fromCharCode(this.#backlog.byte(lengthOctets));
    return { letter, data: this.#backlog.takeText(lengthOctets + length, lengthOctets + 1) };
  }
}

const noData = new Uint8Array(0);

/** Throws a `RangeError` when the data are more than an MTA takes. */
export function encodePacket(letter: string, data: Uint8Array = noData): Buffer {
  if (data.length > maxDataOctets) throw new RangeError(`${data.length} octets of data in a packet "${letter}"`);
  const packet = Buffer.allocUnsafe(lengthOctets + 1 + data.length);
  packet.writeUInt32BE(1 + data.length);
  packet.write(letter, lengthOctets, "latin1");
  packet.set(data, lengthOctets + 1);
  return packet;
}

/** More than any MTA sends: a command line has no room for so many parameters. */
export const maxStrings = 1_024;

/** Where the string that begins at `start` has its NUL. */
export function endOfString(data: string, start: number): number {
  const end = data.indexOf("\0", start);
  if (end < 0) throw new ProtocolError("a string without its NUL");
  return end;
}

/** A number of so many octets, the highest first; they are all there. */
export function numberAt(data: string, offset: number, octets: number): number {
  let number = 0;
  for (let at = offset; at < offset + octets; at += 1) number = number * 256 + data.charCodeAt(at);
  return number;
}

/** All strings of the data. */
export function readStrings(data: string): string[] {
  if (data === "") return [];
  if (!data.endsWith("\0")) throw new ProtocolError("a string without its NUL");
  const strings = data.slice(0, -1).split("\0", maxStrings + 1);
  if (strings.length > maxStrings) throw new ProtocolError(`more than ${maxStrings} strings in a packet`);
  return strings;
}
