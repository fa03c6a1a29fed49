/** The envelope as scripts see it: addresses, and the parts that parameters of MAIL and RCPT make (RFC 6009). */
import { decodeXtext } from "../mail/xtext.ts";
import type { ScriptEnvelope } from "../sieve/script.ts";
import { hasControls } from "../text/controls.ts";
import { formatTime } from "../text/time.ts";
import { type Parameters, parameterValue } from "./parameters.ts";
import type { Scope } from "./vocabulary.ts";

/** `rcpt` undefined: there is no recipient yet. */
export function envelopeOf(scope: Scope, mail: Parameters, rcpt: Parameters | undefined, now: number): ScriptEnvelope {
  return {
    from: scope.sender,
    ...(rcpt && { to: scope.rcpt }),
    ...part("envid", fromXtext(parameterValue("ENVID", mail))),
    ...part("ret", parameterValue("RET", mail)?.toUpperCase()),
    ...deliverBy(parameterValue("BY", mail), now),
    ...(rcpt && part("orcpt", fromXtext(parameterValue("ORCPT", rcpt)))),
    ...(rcpt && part("notify", parameterValue("NOTIFY", rcpt)?.toUpperCase())),
  };
}

/** RFC 1870: 0 if the client did not say. */
export function declaredSize(mail: Parameters): number {
  const digits = parameterValue("SIZE", mail) ?? "";
  return /^\d{1,15}$/.test(digits) ? Number(digits) : 0;
}

function part(name: keyof ScriptEnvelope, value: string | undefined): ScriptEnvelope {
  return value === undefined ? {} : { [name]: value };
}

/** What would not be a line of text stays encoded. */
function fromXtext(value: string | undefined): string | undefined {
  const text = value && decodeXtext(value);
  return text !== undefined && hasControls(text) ? value : text;
}

/** RFC 2852 section 4: `seconds;mode` and perhaps a `T`. */
function deliverBy(value: string | undefined, now: number): ScriptEnvelope {
  const [, seconds, mode = "", trace = ""] = /^([+-]?\d{1,9});([NR])(T?)$/i.exec(value ?? "") ?? [];
  if (seconds === undefined) return {};
  return {
    bymode: mode.toUpperCase(),
    ...(trace !== "" && { bytrace: "T" }),
    bytimerelative: String(Number(seconds)),
    bytimeabsolute: formatTime(now + Number(seconds) * 1000),
  };
}
