/** SMTP replies: code, enhanced status code (RFC 3463), text. */
import { cleanText, hasControls } from "../text/controls.ts";

export interface Reply {
  /** 250, 252 or 400 to 599. */
  readonly code: number;
  /** Its class agrees with `code`. */
  readonly status: string;
  /** One line of printable text, short enough for a reply line of 512 octets (RFC 5321 4.5.3.1.5). */
  readonly text: string;
}

const maxTextLength = 400;

export function reply(code: number, status: string, text: string): Reply {
  return { code, status, text: cleanText(text).slice(0, maxTextLength).toWellFormed() };
}

/**
 * Reads `550 5.1.1 text`; the enhanced code may be left out (`x.0.0` is taken). Only 4yz and 5yz, and the classes must agree.
 * `undefined`: not such a reply.
 */
export function parseReply(line: string): Reply | undefined {
  const match = /^([45]\d\d) (?:([245])\.(\d{1,3})\.(\d{1,3}) )?(\S.*)$/.exec(line);
  if (!match) return undefined;
  const [, code = "", klass = code[0], subject = "0", detail = "0", text = ""] = match;
  if (klass !== code[0] || hasControls(text) || text.length > maxTextLength) return undefined;
  return { code: Number(code), status: `${klass}.${subject}.${detail}`, text: cleanText(text) };
}

export function formatReply({ code, status, text }: Reply): string {
  return `${code} ${status} ${text}`;
}

/** Most replies have none of them, and a test for a single range is faster. */
const beyondAscii = /[^\0-\x7f]/;

/**
 * As a client may get it, while logs have the original: RFC 5321 4.2 has ASCII alone, and one that did not ask for SMTPUTF8
 * (RFC 6531 3.7.4.1) understands nothing else. Sendmail cuts the high bits off.
 */
export function toClientText(text: string): string {
  return beyondAscii.test(text) ? text.replace(/\P{ASCII}/gu, "?") : text;
}
