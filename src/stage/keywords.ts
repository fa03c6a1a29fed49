/** The EHLO keywords that a client is not to be offered, as far as the MTAs can leave them out. */

import { asBoolean } from "../expr/result.ts";
import type { Core } from "./core.ts";
import { evaluate } from "./evaluate.ts";
import type { Session } from "./session.ts";
import type { Rule } from "./stage-settings.ts";

/** Comma-separated, as smtpd_discard_ehlo_keyword_address_maps wants it; a version of Postfix that does not know one ignores it. */
export async function discardedKeywords(session: Session, core: Core): Promise<string | undefined> {
  const { pipelining, chunking, requireTls, dsn, vrfy } = core.settings.extensions;
  // Postfix offers REQUIRETLS over TLS alone, and asks with the same key before and after STARTTLS.
  const secured: Session = { ...session, tls: true };
  const off = [
    ...(await unless("pipelining", pipelining, session, core)),
    ...(await unless("chunking", chunking, session, core)),
    ...(await unless("dsn", dsn, session, core)),
    ...(await unless("vrfy", vrfy, session, core)),
    ...(await unless("requiretls", requireTls, secured, core)),
  ];
  return off.length === 0 ? undefined : off.join(", ");
}

/** Letters of the ruleset srv_features of Sendmail: upper case switches off. It has none for VRFY. */
export async function featuresOff(session: Session, core: Core): Promise<string | undefined> {
  const { pipelining, dsn, expn } = core.settings.extensions;
  const off = [
    ...(await unless("D", dsn, session, core)),
    ...(await unless("P", pipelining, session, core)),
    ...(await unless("X", expn, session, core)),
  ];
  return off.length === 0 ? undefined : off.join(" ");
}

/** The word, when the extension is off. */
async function unless(word: string, rule: Rule, session: Session, core: Core): Promise<readonly string[]> {
  const scope = { session, helo: "", sender: "", rcpt: "" };
  return asBoolean(await evaluate(word, rule, scope, core)) ? [] : [word];
}
