/** Text that came as bytes, one character a byte: the form in which what was received can be sent back unchanged. */

const notAscii = /[\u0080-\u00ff]/;

/** What is not UTF-8 becomes U+FFFD. */
export function decodeUtf8(bytes: string): string {
  return notAscii.test(bytes) ? Buffer.from(bytes, "latin1").toString("utf8") : bytes;
}
