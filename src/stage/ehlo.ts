/** The EHLO stage: is the name fully qualified, is it blocklisted, what does the script say. */

import type { Answer } from "../answer/answer.ts";
import { runSteps, type Steps, waitFor } from "../answer/steps.ts";
import { asBoolean } from "../expr/result.ts";
import { canonicalDomain } from "../mail/domain.ts";
import { reply } from "../mail/reply.ts";
import { isLonger } from "../text/octets.ts";
import { maxEhloOctets } from "./bounds.ts";
import type { Core } from "./core.ts";
import { evaluate } from "./evaluate.ts";
import { isFullyQualified } from "./fqdn.ts";
import { ehloUnavailable, onTemporary, pass, refuse, unavailable } from "./refuse.ts";
import { runScript } from "./script.ts";
import type { Session } from "./session.ts";
import type { Verdict } from "./verdict.ts";

/** `name` is the argument as sent. After a pass it becomes the name of the session; after a refusal the previous one stays. */
export function decideEhlo(session: Session, name: string, core: Core): Answer<Verdict> {
  return runSteps(onTemporary(ehlo(session, name, core), (cause) => unavailable(ehloUnavailable, cause)));
}

function* ehlo(session: Session, name: string, core: Core): Steps<Verdict> {
  const { rejectNonFqdn, fqdn, blocklist } = core.settings.ehlo;
  if (session.trusted) return pass("trusted");
  if (name !== "" && name === session.helo) return pass("same-name");
  const notQualified = () => refuse(reply(550, "5.5.0", "Invalid EHLO domain."), "invalid-ehlo");
  if (isLonger(name, maxEhloOctets)) return notQualified();
  const scope = { session, helo: name, sender: "", rcpt: "" };

  const qualified = isFullyQualified(name, fqdn);
  core.trace?.({ step: "fqdn", asked: name, answer: qualified ? "fully qualified" : "not fully qualified" });
  if (!qualified && asBoolean(yield* evaluate("reject-non-fqdn", rejectNonFqdn, scope, core))) {
    return notQualified();
  }

  const domain = canonicalDomain(name);
  for (const list of blocklist) {
    const hit = yield* waitFor(core.sources.lookup(list)?.get(domain));
    core.trace?.({ step: `blocklist ${list}`, asked: domain, answer: hit === undefined ? "not listed" : "listed" });
    if (hit !== undefined) {
      return refuse(reply(551, "5.1.1", `Sending domain '${domain}' has been blocklisted.`), "blocklisted");
    }
  }
  const { refusal } = yield* runScript({ stage: "ehlo", scope, mail: [] }, core);
  return refusal ?? pass("pass");
}
