/** The MAIL stage: EHLO must have come first; a script; the sender may be rewritten; parameters of extensions; throttles by sender. */

import type { Answer } from "../answer/answer.ts";
import { runSteps, type Steps, waitFor } from "../answer/steps.ts";
import { asBoolean, asString } from "../expr/result.ts";
import { canonicalAddress, parseAddress } from "../mail/address.ts";
import { reply } from "../mail/reply.ts";
import { oversizedMail } from "./bounds.ts";
import type { Core } from "./core.ts";
import { evaluate } from "./evaluate.ts";
import { decideMailParameters } from "./extensions.ts";
import type { CommandFacts } from "./parameters.ts";
import { onTemporary, pass, refuse, unavailable } from "./refuse.ts";
import { runScript } from "./script.ts";
import type { Session } from "./session.ts";
import { askThrottles } from "./throttle.ts";
import type { MailOutcome } from "./verdict.ts";

interface MailFacts extends CommandFacts {
  /** Parameters of extensions that are off, or wrong, are refused. Default: they are only observed. */
  readonly enforcesExtensions?: boolean;
}

/** `sender` as given; `""` is the null sender. */
export function decideMail(session: Session, sender: string, core: Core, facts: MailFacts = {}): Answer<MailOutcome> {
  const oversized = oversizedMail(sender, facts.parameters ?? []);
  if (oversized !== undefined) return { verdict: oversized, sender: "" };
  const address = canonicalAddress(sender);
  return runSteps(
    onTemporary(mail(session, address, facts, core), (cause) => ({
      verdict: unavailable(core.settings.rcpt.replies.unavailable, cause),
      sender: address,
    })),
  );
}

function* mail(session: Session, given: string, facts: MailFacts, core: Core): Steps<MailOutcome> {
  const { settings, sources } = core;
  const { message, parameters = [], enforcesExtensions = false } = facts;
  const begun = { session, helo: session.helo, sender: given, rcpt: "" };
  if (session.helo === "" && !session.trusted && asBoolean(yield* evaluate("require", settings.ehlo.require, begun, core))) {
    return { verdict: refuse(reply(503, "5.5.1", "Polite people say EHLO first."), "no-ehlo"), sender: given };
  }
  const { refusal: rejection, sender = given } = yield* runScript({ stage: "mail", scope: begun, mail: parameters }, core);
  if (rejection !== undefined) return { verdict: rejection, sender };
  const scope = { ...begun, sender };
  const rewritten = asString(yield* evaluate("rewrite", settings.mail.rewrite, scope, core));
  // The empty string is the null sender; other text without a domain is no address.
  const takesEffect = rewritten !== undefined && (rewritten === "" || rewritten.includes("@"));
  const becomes = takesEffect ? parseAddress(rewritten) : sender;
  const extensions = yield* waitFor(decideMailParameters(session, becomes, parameters, core, sources.now()));
  const isRefused = extensions.verdict.kind !== "pass";
  // Before it is counted: what is refused takes nothing.
  if (isRefused && enforcesExtensions) return { verdict: extensions.verdict, sender: becomes };
  const { refusal } = yield* askThrottles(settings.throttles.mail, { ...scope, sender: becomes }, { token: message }, core);
  return { verdict: refusal ?? pass("pass"), sender: becomes, ...(isRefused && { observed: extensions }) };
}
