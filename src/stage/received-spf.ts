/** The header `Received-SPF` (RFC 7208 9.1): of MAIL, or of EHLO where only that was asked about. */
import type { Header } from "./admission.ts";
import { mailFromOf, spfEhloOf, spfOf } from "./sender-auth.ts";
import type { Scope } from "./vocabulary.ts";

/** `receiver`: the name of this machine. `undefined`: SPF was not asked. */
export function receivedSpf(scope: Scope, receiver: string): Header | undefined {
  const ofMail = spfOf(scope);
  const answer = ofMail ?? spfEhloOf(scope);
  if (answer === undefined) return undefined;
  const sender = mailFromOf(scope) ?? "";
  const isEhlo = ofMail === undefined || sender === "";
  const pairs: readonly (readonly [key: string, value: string])[] = [
    ["receiver", receiver],
    ["client-ip", scope.session.client.address ?? ""],
    ["identity", isEhlo ? "helo" : "mailfrom"],
    ["envelope-from", isEhlo ? "" : sender],
    ["helo", scope.helo],
    ["mechanism", answer.mechanism],
  ];
  let left = maxLineOctets - "Received-SPF: ".length - answer.result.length;
  const list: string[] = [];
  for (const [key, value] of pairs) {
    if (value === "" || value.length > maxValueOctets) continue;
    const pair = `${key}=${written(value)}`;
    // With what stands between it and the one before.
    const octets = pair.length + 2;
    if (octets > left) continue;
    left -= octets;
    list.push(pair);
  }
  return { name: "Received-SPF", value: `${answer.result} ${list.join("; ")}` };
}

/** RFC 5322 2.1.1. A pair that does not fit is left out: a part of it would leave its quote open. */
const maxLineOctets = 998;

/** So that one does not take the place of several. */
const maxValueOctets = 256;

/** A dot-atom, or a quoted string in which nothing can end it. */
function written(value: string): string {
  if (/^[\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*$/.test(value)) return value;
  return `"${value.replace(/[^\x20-\x7e]/g, "?").replace(/["\\]/g, "\\$&")}"`;
}
