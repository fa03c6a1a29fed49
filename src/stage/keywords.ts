/** The EHLO keywords that a client is not to be offered, as far as the MTAs can leave them out. */

import type { Steps } from "../answer/steps.ts";
import { asBoolean } from "../expr/result.ts";
import type { Core } from "./core.ts";
import { evaluate } from "./evaluate.ts";
import type { Session } from "./session.ts";
import type { Rule } from "./stage-settings.ts";

/** Comma-separated, as smtpd_discard_ehlo_keyword_address_maps wants it; a version of Postfix that does not know one ignores it. */
export function* discardedKeywords(session: Session, core: Core): Steps<string | undefined> {
  const { pipelining, chunking, requireTls, dsn, vrfy } = core.settings.extensions;
  // Postfix offers REQUIRETLS over TLS alone, and asks with the same key before and after STARTTLS.
  const secured: Session = { ...session, tls: true };
  const off = [
    ...(yield* unless("pipelining", pipelining, session, core)),
    ...(yield* unless("chunking", chunking, session, core)),
    ...(yield* unless("dsn", dsn, session, core)),
    ...(yield* unless("vrfy", vrfy, session, core)),
    ...(yield* unless("requiretls", requireTls, secured, core)),
  ];
  return off.length === 0 ? undefined : off.join(", ");
}

/** Letters of the ruleset srv_features of Sendmail: upper case switches off. It has none for VRFY. */
export function* featuresOff(session: Session, core: Core): Steps<string | undefined> {
  const { pipelining, dsn, expn } = core.settings.extensions;
  const off = [
    ...(yield* unless("D", dsn, session, core)),
    ...(yield* unless("P", pipelining, session, core)),
    ...(yield* unless("X", expn, session, core)),
  ];
  return off.length === 0 ? undefined : off.join(" ");
}

/** The word, when the extension is off. */
function* unless(word: string, rule: Rule, session: Session, core: Core): Steps<readonly string[]> {
  const scope = { session, helo: "", sender: "", rcpt: "" };
  return asBoolean(yield* evaluate(word, rule, scope, core)) ? [] : [word];
}
