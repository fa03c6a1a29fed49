/** What strangers send as part of a key: one line, and bounded, since it becomes a row of an index. */
import { createHash } from "node:crypto";
import { cleanText } from "../text/controls.ts";

const maxLength = 200;
const keptLength = 160;

/** A longer text is cut, with a digest of the whole behind it, so that it remains a key of its own. */
export function keyText(text: string): string {
  const line = cleanText(text);
  if (line.length <= maxLength) return line;
  return `${line.slice(0, keptLength).toWellFormed()}…${createHash("sha256").update(text).digest("hex").slice(0, 32)}`;
}
