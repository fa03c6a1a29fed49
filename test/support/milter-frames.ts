/** What an MTA sends to a milter: frames built without the codec under test. */

/** `data` has one character a byte. */
export function frame(letter: string, data = ""): Buffer {
  const bytes = Buffer.from(`....${letter}${data}`, "latin1");
  bytes.writeUInt32BE(bytes.length - 4);
  return bytes;
}

/** Strings, each with its NUL. */
export function strings(...texts: readonly string[]): string {
  return texts.map((text) => `${text}\0`).join("");
}

/** Four octets, one character each. */
export function uint32(value: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes.toString("latin1");
}

/** For each command the flags that leave it out, or leave it unanswered. */
export const eventFlags: Readonly<Record<string, readonly [none: number, noReply: number]>> = {
  C: [0x1, 0x1000],
  H: [0x2, 0x2000],
  M: [0x4, 0x4000],
  R: [0x8, 0x8000],
  B: [0x10, 0x80000],
  L: [0x20, 0x80],
  N: [0x40, 0x40000],
  U: [0x100, 0x20000],
  T: [0x200, 0x10000],
};
