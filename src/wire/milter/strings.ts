/** Strings in a packet, each with a NUL at its end. */
import { ProtocolError } from "../protocol-error.ts";

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
