/** Frames of the milter protocol: a length of four octets, a letter, data; and strings in the data, each with a NUL at its end. */
import { Backlog } from "../backlog.ts";
import { ProtocolError } from "../protocol-error.ts";

export interface Packet {
  /** One character: the letter of a command or response. */
  readonly letter: string;
  /** A view of what was received. */
  readonly data: Buffer;
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
  readonly #backlog = new Backlog();

  get isMidway(): boolean {
    return this.#backlog.length > 0;
  }

  push(bytes: Buffer): void {
    this.#backlog.push(bytes);
  }

  /** `undefined`: no whole packet is there. */
  next(): Packet | undefined {
    if (this.#backlog.length < lengthOctets) return undefined;
    const length = this.#backlog.uint32();
    if (length === 0) throw new ProtocolError("an empty packet");
    if (length > maxPacketOctets) throw new ProtocolError(`a packet of ${length} octets`);
    if (this.#backlog.length < lengthOctets + length) return undefined;
    const packet = this.#backlog.take(lengthOctets + length);
    return { letter: packet.toString("latin1", lengthOctets, lengthOctets + 1), data: packet.subarray(lengthOctets + 1) };
  }
}

/** Throws a `RangeError` when the data are more than an MTA takes. */
export function encodePacket(letter: string, data: Uint8Array = new Uint8Array(0)): Buffer {
  if (data.length > maxDataOctets) throw new RangeError(`${data.length} octets of data in a packet "${letter}"`);
  const packet = Buffer.allocUnsafe(lengthOctets + 1 + data.length);
  packet.writeUInt32BE(1 + data.length);
  packet.write(letter, lengthOctets, "latin1");
  packet.set(data, lengthOctets + 1);
  return packet;
}

/** More than any MTA sends: Sendmail has 50 macros a stage, and a command line has no room for so many parameters. */
export const maxStrings = 1_024;

/** All strings from `start` to the end of the data, one character a byte. */
export function readStrings(data: Buffer, start: number): string[] {
  if (start === data.length) return [];
  if (data[data.length - 1] !== 0) throw new ProtocolError("a string without its NUL");
  const strings = data.toString("latin1", start, data.length - 1).split("\0", maxStrings + 1);
  if (strings.length > maxStrings) throw new ProtocolError(`more than ${maxStrings} strings in a packet`);
  return strings;
}
