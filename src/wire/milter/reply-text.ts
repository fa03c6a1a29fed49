/** The text of a reply as a filter hands it to an MTA (SMFIR_REPLYCODE), which prints it nearly as it is. */
import { type Reply, toClientText } from "../../mail/reply.ts";
import { cleanText } from "../../text/controls.ts";

/** RFC 5321 4.5.3.1.5 has 512 octets with the line end. */
const maxLineOctets = 509;
/** libmilter has no more. */
const maxLines = 32;

const refusal = /^([45])\d\d \1\.\d{1,3}\.\d{1,3}$/;

/** It may stay as it is if it is short enough: ASCII in one line, without a percent sign, and without spaces around it. */
const isPlain = /^[!-$&-~](?:[ -$&-~]*[!-$&-~])?$/;

/**
 * One line for each line of the text, longer ones broken. The MTA would take a `%` for the beginning of a macro, so each is
 * doubled. Throws a `RangeError` when the code is not that of a refusal or disagrees with the status.
 */
export function formatReplyText({ code, status, text }: Reply): string {
  // Postfix turns a malformed reply into an error of the filter, for the rest of the session.
  if (!refusal.test(`${code} ${status}`)) throw new RangeError(`not a reply of a filter: ${code} ${status}`);
  const room = maxLineOctets - `${code} ${status} `.length;
  if (text.length <= room && isPlain.test(text)) return `${code} ${status} ${text}`;
  const lines = text
    .split(/\r\n|[\r\n]/)
    .flatMap((line) => breakLine(toClientText(cleanText(line)).trim(), room))
    .slice(0, maxLines);
  if (lines.length === 0) lines.push("Refused.");
  return lines.map((line, index) => `${code}${index < lines.length - 1 ? "-" : " "}${status} ${line}`).join("\r\n");
}

/** Of no line it makes nothing. Breaks at spaces where there are some. */
function breakLine(line: string, room: number): string[] {
  const parts: string[] = [];
  let rest = line;
  while (rest !== "" && parts.length < maxLines) {
    const fitting = fittingLength(rest, room);
    const space = fitting < rest.length ? rest.lastIndexOf(" ", fitting) : -1;
    const end = space > 0 ? space : fitting;
    parts.push(rest.slice(0, end).trimEnd().replaceAll("%", "%%"));
    rest = rest.slice(end).trimStart();
  }
  return parts;
}

function fittingLength(text: string, room: number): number {
  let used = 0;
  for (let length = 0; length < text.length; length += 1) {
    used += text[length] === "%" ? 2 : 1;
    if (used > room) return length;
  }
  return text.length;
}
