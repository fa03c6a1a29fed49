/** Texts as the octets that they take, since every bound on what strangers send is in octets. */

/** Whether the text takes more octets in UTF-8; a long text is not measured. */
export function isLonger(text: string, octets: number): boolean {
  if (text.length > octets) return true;
  // A UTF-16 unit takes three octets at most.
  return text.length * 3 > octets && Buffer.byteLength(text) > octets;
}

/** As much of it as takes no more octets, and an ellipsis where that is not all. */
export function abridge(text: string, octets: number): string {
  return isLonger(text, octets) ? `${startOf(text, octets)}…` : text;
}

/** As many whole characters from its beginning as take no more octets. */
function startOf(text: string, octets: number): string {
  const room = Buffer.allocUnsafe(octets);
  return room.toString("utf8", 0, room.write(text));
}

/** A part of a string keeps the whole string alive; this copy does not. V8 copies parts of fewer than 13 characters anyway. */
export function detach(text: string): string {
  if (text.length < 13) return text;
  if (text.length > copy.length / 3) return Buffer.from(text).toString();
  return copy.toString("utf8", 0, copy.write(text));
}

/** Where texts pass through one after the other. */
const copy = Buffer.allocUnsafeSlow(3072);
