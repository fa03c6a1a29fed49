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
