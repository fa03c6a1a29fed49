/** The EHLO stage: is the name fully qualified, is it blocklisted, what does SPF say, is it denied, what does the script say. */

import { type Answer, after } from "../answer/answer.ts";
import { firstOutcome, type Steps, takeSteps } from "../answer/steps.ts";
import { asBoolean } from "../expr/result.ts";
import type { Value } from "../expr/value.ts";
import { canonicalDomain } from "../mail/domain.ts";
import { reply } from "../mail/reply.ts";
import { isLonger } from "../text/octets.ts";
import { maxEhloOctets } from "./bounds.ts";
import type { Core } from "./core.ts";
import { askDenials } from "./deny.ts";
import { isFullyQualified } from "./fqdn.ts";
import { evaluateRefusal } from "./in-doubt.ts";
import { ehloUnavailable, onTemporary, pass, passed, refuse, unavailable } from "./refuse.ts";
import { runScript } from "./script.ts";
import { forgetTemporary } from "./sender-auth.ts";
import { verifyEhlo } from "./sender-verdict.ts";
import type { Scripted, Session } from "./session.ts";
import type { Verdict } from "./verdict.ts";
import type { Scope } from "./vocabulary.ts";

/** `name` is the argument as sent. After a pass it becomes the name of the session; after a refusal the previous one stays. */
export function decideEhlo(session: Session, name: string, core: Core): Answer<Verdict> {
  forgetTemporary(session);
  return onTemporary(decide, cannotTell, { session, helo: name, sender: "", rcpt: "", core });
}

interface Ehlo extends Scope {
  readonly core: Core;
}

const steps: Steps<Ehlo, Verdict> = [passKnown, checkSyntax, askBlocklists, askSpf, askDeny, askScript];
const stepsIfTrusted: Steps<Ehlo, Verdict> = [askDeny, passTrusted];

function decide(ehlo: Ehlo): Answer<Verdict> {
  return takeSteps(ehlo.session.trusted ? stepsIfTrusted : steps, ehlo, ehlo.core.abort);
}

function cannotTell(cause: unknown): Verdict {
  return unavailable(ehloUnavailable, cause);
}

const trusted = pass("trusted");
const sameName = pass("same-name");

function passTrusted(): Verdict {
  return trusted;
}

function passKnown({ session, helo }: Ehlo): Verdict | undefined {
  return helo !== "" && helo === session.helo ? sameName : undefined;
}

const notQualified = refuse(reply(550, "5.5.0", "Invalid EHLO domain."), "invalid-ehlo");

function checkSyntax(ehlo: Ehlo): Answer<Verdict | undefined> {
  const { helo: name, core } = ehlo;
  if (isLonger(name, maxEhloOctets)) return notQualified;
  const { fqdn, rejectNonFqdn } = core.settings.ehlo;
  const isQualified = isFullyQualified(name, fqdn);
  core.trace?.({ step: "fqdn", asked: name, answer: isQualified ? "fully qualified" : "not fully qualified" });
  return isQualified ? undefined : after(evaluateRefusal("reject-non-fqdn", rejectNonFqdn, ehlo, core, true), refuseUnqualified);
}

function refuseUnqualified(isRefused: Value): Verdict | undefined {
  return asBoolean(isRefused) ? notQualified : undefined;
}

function askBlocklists({ helo, core }: Ehlo): Answer<Verdict | undefined> {
  const { blocklist } = core.settings.ehlo;
  return blocklist.length === 0 ? undefined : firstOutcome(blocklist, askBlocklist, { domain: canonicalDomain(helo), core }, core.abort);
}

function askBlocklist(list: string, { domain, core }: { readonly domain: string; readonly core: Core }): Answer<Verdict | undefined> {
  return after(core.sources.lookup(list)?.get(domain), (hit) => {
    core.trace?.({ step: `blocklist ${list}`, asked: domain, answer: hit === undefined ? "not listed" : "listed" });
    if (hit === undefined) return undefined;
    return refuse(reply(551, "5.1.1", `Sending domain '${domain}' has been blocklisted.`), "blocklisted");
  });
}

function askDeny(ehlo: Ehlo): Answer<Verdict | undefined> {
  return askDenials(ehlo.core.settings.ehlo.deny, ehlo, ehlo.core);
}

function askSpf(ehlo: Ehlo): Answer<Verdict | undefined> {
  return verifyEhlo(ehlo, ehlo.core);
}

function askScript(ehlo: Ehlo): Answer<Verdict> {
  if (ehlo.core.settings.ehlo.script === undefined) return passed;
  return after(runScript({ stage: "ehlo", scope: ehlo, mail: [] }, ehlo.core), heed);
}

function heed({ refusal }: Scripted): Verdict {
  return refusal ?? passed;
}
