/** The EHLO keywords that a client is not to be offered, as far as the MTAs can leave them out. */

import { type Answer, after } from "../answer/answer.ts";
import { firstOutcome } from "../answer/steps.ts";
import { asBoolean } from "../expr/result.ts";
import type { Core } from "./core.ts";
import { evaluate } from "./evaluate.ts";
import type { Session } from "./session.ts";
import type { Rule } from "./stage-settings.ts";

/** Comma-separated, as smtpd_discard_ehlo_keyword_address_maps wants it; a version of Postfix that does not know one ignores it. */
export function discardedKeywords(session: Session, core: Core): Answer<string | undefined> {
  const { pipelining, chunking, requireTls, dsn, vrfy } = core.settings.extensions;
  const switches: readonly Switch[] = [
    { word: "pipelining", rule: pipelining, session },
    { word: "chunking", rule: chunking, session },
    { word: "dsn", rule: dsn, session },
    { word: "vrfy", rule: vrfy, session },
    // Postfix offers REQUIRETLS over TLS alone, and asks with the same key before and after STARTTLS.
    { word: "requiretls", rule: requireTls, session: { ...session, tls: true } },
  ];
  return wordsOff(switches, ", ", core);
}

/** Letters of the ruleset srv_features of Sendmail: upper case switches off. It has none for VRFY. */
export function featuresOff(session: Session, core: Core): Answer<string | undefined> {
  const { pipelining, dsn, expn } = core.settings.extensions;
  const switches: readonly Switch[] = [
    { word: "D", rule: dsn, session },
    { word: "P", rule: pipelining, session },
    { word: "X", rule: expn, session },
  ];
  return wordsOff(switches, " ", core);
}

/** An extension, by the word that leaves it out. */
interface Switch {
  readonly word: string;
  readonly rule: Rule;
  readonly session: Session;
}

function wordsOff(switches: readonly Switch[], separator: string, core: Core): Answer<string | undefined> {
  const off: string[] = [];
  const ask = ({ word, rule, session }: Switch) =>
    after(evaluate(word, rule, { session, helo: "", sender: "", rcpt: "" }, core), (isOn) => {
      if (!asBoolean(isOn)) off.push(word);
      return undefined;
    });
  return after(firstOutcome(switches, ask, undefined), () => (off.length === 0 ? undefined : off.join(separator)));
}
