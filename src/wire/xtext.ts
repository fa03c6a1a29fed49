/** xtext (RFC 3461 section 4): addresses in ORCPT, and the names of certificates that MTAs pass on. */
import { decodeUtf8 } from "../mail/utf8.ts";

/** Of printable ASCII. */
export function encodeXtext(text: string): string {
  return text.replace(/[ +=]/g, (character) => `+${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** What is not a code stays as it is. */
export function decodeXtext(text: string): string {
  if (!text.includes("+")) return text;
  const bytes = Buffer.from(text).toString("latin1");
  return decodeUtf8(bytes.replace(/\+([\dA-F]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16))));
}
