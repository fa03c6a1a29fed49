/** A reply that the administrator words. */
import { parseReply } from "../../mail/reply.ts";
import { written } from "./values.ts";

/** `classes`: the first digits that its code may have; a whole code is the only one. */
export function replyText(fallback: string, classes: readonly string[], meaning: string) {
  const wanted = classes.length > 1 ? "from 400 to 599" : classes.map((digits) => digits.padEnd(3, "x")).join();
  const needs = `a reply here is one line of ASCII text whose code is ${wanted} with, if any, an enhanced code of the same class`;
  const read = (line: string) => {
    const reply = parseReply(line);
    if (reply && /^[\x20-\x7e]*$/.test(line) && classes.some((digits) => String(reply.code).startsWith(digits))) return reply;
    return `"${line}" cannot be used: ${needs}. Write it like "${fallback}".`;
  };
  return written(read)
    .prefault(fallback)
    .meta({ description: `${meaning} Its code is ${wanted}.` });
}
