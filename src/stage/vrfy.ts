/** VRFY and EXPN (RFC 5321 3.5): answered for whom the settings allow, from the same directory as RCPT. */

import { type Answer, after } from "../answer/answer.ts";
import { TemporaryError } from "../answer/temporary-error.ts";
import { asBoolean } from "../expr/result.ts";
import { domainOf, parseAddress, unquote } from "../mail/address.ts";
import { reply } from "../mail/reply.ts";
import { cleanText } from "../text/controls.ts";
import { chooseDirectory, inMainDomain } from "./ask-directory.ts";
import type { Core } from "./core.ts";
import { mustBeSure, mustFindSurely } from "./doubted-lists.ts";
import { evaluate } from "./evaluate.ts";
import { writtenAddress } from "./map-key.ts";
import { isOwnPostmaster, isPostmaster } from "./postmaster.ts";
import { onTemporary, pass, refuse, unavailable } from "./refuse.ts";
import { type Resolution, resolve } from "./resolve.ts";
import type { Session } from "./session.ts";
import type { Reason, VrfyOutcome } from "./verdict.ts";
import type { Scope } from "./vocabulary.ts";

/** `text` is the argument: an address, or a word that mailboxes may hold. */
export function decideVrfy(session: Session, text: string, core: Core): Answer<VrfyOutcome> {
  const cannotTell = (cause: unknown) => unavailableFor("Unable to verify address at this time.", cause);
  return onTemporary((scope) => vrfy(scope, text, core), cannotTell, scopeOf(session, text));
}

/** `text` is the address of a list. */
export function decideExpn(session: Session, text: string, core: Core): Answer<VrfyOutcome> {
  const cannotTell = (cause: unknown) => unavailableFor("Unable to expand mailing list at this time.", cause);
  return onTemporary((scope) => expn(scope, core), cannotTell, scopeOf(session, text));
}

function vrfy(scope: Scope, text: string, core: Core): Answer<VrfyOutcome> {
  return after(evaluate("vrfy", core.settings.extensions.vrfy, scope, core), (isOn) => {
    if (!asBoolean(isOn)) return disabled("VRFY is disabled.", "vrfy-disabled");
    if (domainOf(scope.rcpt) === undefined) return verifyWord(scope, text, core);
    return after(resolve(scope, core), (resolution) => {
      if (isMailbox(resolution, scope, core)) return foundAs(text);
      if (resolution.kind !== "found") mustFindSurely(scope, core);
      return noAddress;
    });
  });
}

function isMailbox(resolution: Resolution, { rcpt, session }: Scope, { settings }: Core): boolean {
  // A list is nobody's mailbox: EXPN is for it.
  if (resolution.kind === "found") return resolution.isList !== true;
  return isOwnPostmaster(rcpt, session) || isPostmaster(rcpt, resolution.kind, settings);
}

function verifyWord(scope: Scope, text: string, core: Core): Answer<VrfyOutcome> {
  return after(chooseDirectory(undefined, scope, core), (directory) => {
    if (directory?.everything) return foundAs(text);
    return after(directory?.verify(scope.rcpt) ?? [], (addresses) => {
      if (addresses.length > 0) return found(addresses);
      if (isOwnPostmaster(scope.rcpt, scope.session)) return foundAs(text);
      mustBeSure(core.settings.rcpt.directory, core);
      return noAddress;
    });
  });
}

function expn(scope: Scope, core: Core): Answer<VrfyOutcome> {
  return after(evaluate("expn", core.settings.extensions.expn, scope, core), (isOn) =>
    asBoolean(isOn) ? expand(scope, core) : disabled("EXPN is disabled.", "expn-disabled"),
  );
}

function expand(scope: Scope, core: Core): Answer<VrfyOutcome> {
  const own = core.settings.domains.get(domainOf(scope.rcpt) ?? "");
  const address = inMainDomain(scope.rcpt, core.settings);
  return after(chooseDirectory(own, scope, core), (directory) =>
    after(directory?.expand(address), (members) => {
      const answer = members?.join(", ") ?? "not found";
      core.trace?.({ step: `directory ${directory?.name ?? "none"}`, asked: `expand ${address}`, answer });
      if (members !== undefined) return found(members);
      if (own?.directory === undefined) mustBeSure(core.settings.rcpt.directory, core);
      return refused(550, "5.1.2", "Mailing list not found.", "not-found");
    }),
  );
}

function scopeOf(session: Session, text: string): Scope {
  const { helo, transaction } = session;
  const { sender = "", untoldSender } = transaction ?? {};
  return { session, helo, sender, rcpt: parseAddress(text), untold: {}, untoldSender };
}

/** With the quotes that they need. Throws a `TemporaryError` where a directory holds what no reply can. */
function found(addresses: readonly string[]): VrfyOutcome {
  const written = addresses.map((address) => {
    const text = writtenAddress(address);
    if (text === undefined) throw new TemporaryError(`the directory has "${cleanText(address)}", which is not an address`);
    return text;
  });
  return { verdict: pass("found"), addresses: written };
}

/** As the client spelled it. */
function foundAs(text: string): VrfyOutcome {
  return { verdict: pass("found"), addresses: [writtenAddress(unquote(text)) ?? text] };
}

function refused(code: number, status: string, text: string, reason: Reason): VrfyOutcome {
  return { verdict: refuse(reply(code, status, text), reason), addresses: [] };
}

const noAddress = refused(550, "5.1.2", "Address not found.", "not-found");

function disabled(text: string, reason: Reason): VrfyOutcome {
  return refused(252, "2.5.1", text, reason);
}

function unavailableFor(text: string, cause: unknown): VrfyOutcome {
  return { verdict: unavailable(reply(252, "2.4.3", text), cause), addresses: [] };
}
