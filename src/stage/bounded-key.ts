/** What strangers send as part of a key: one line, and bounded, since it becomes a row of an index. */
import { createHash } from "node:crypto";
import { cleanText } from "../text/controls.ts";
import { isLonger } from "../text/octets.ts";

const maxOctets = 200;
const keptOctets = 160;

/** A longer text is cut, with a digest of the whole after it, so that it remains a key of its own. */
export function keyText(text: string): string {
  const line = cleanText(text);
  if (!isLonger(line, maxOctets)) return line;
  // Perhaps in the middle of a character.
  const start = Buffer.from(line)
    .subarray(0, keptOctets)
    .toString()
    .replace(/\ufffd$/, "");
  return `${start}…${createHash("sha256").update(text).digest("hex").slice(0, 32)}`;
}

/** Whether it may have been cut here. */
export function isCutKey(text: string): boolean {
  return /…[\da-f]{32}$/.test(text);
}
