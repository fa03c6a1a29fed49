/** xtext (RFC 3461 section 4): ENVID and ORCPT, and the names of certificates that MTAs pass on. */

/** Of printable ASCII. */
export function encodeXtext(text: string): string {
  return text.replace(/[ +=]/g, (character) => `+${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** What is not a code stays as it is. */
export function decodeXtext(text: string): string {
  return text.includes("+") ? text.replace(/(?:\+[\dA-F]{2})+/g, decodeCodes) : text;
}

/** Those that stand together, for a character may be several. */
function decodeCodes(codes: string): string {
  return Buffer.from(codes.replaceAll("+", ""), "hex").toString();
}
