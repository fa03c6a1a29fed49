/** Who may send as an address: `session.mail.is-allowed`, and `session.auth.must-match-sender`, by which a login needs to own it. */

import { type Answer, after } from "../answer/answer.ts";
import { firstOutcome } from "../answer/steps.ts";
import { TemporaryError } from "../answer/temporary-error.ts";
import { asBoolean } from "../expr/result.ts";
import type { Value } from "../expr/value.ts";
import { domainOf, localPartOf } from "../mail/address.ts";
import { reply } from "../mail/reply.ts";
import { follow } from "./alias-chain.ts";
import { chooseDirectory, inMainDomain } from "./ask-directory.ts";
import type { Core, Trace } from "./core.ts";
import { mustBeSure, mustFindSurely } from "./doubted-lists.ts";
import { evaluate } from "./evaluate.ts";
import { evaluateRefusal } from "./in-doubt.ts";
import { refuse } from "./refuse.ts";
import { type Resolution, resolve } from "./resolve.ts";
import type { Account, Directory } from "./sources.ts";
import type { Verdict } from "./verdict.ts";
import { type Scope, withRcpt } from "./vocabulary.ts";

const notAllowed = refuse(reply(550, "5.7.1", "Sender address not allowed."), "sender-not-allowed");
const notOwned = refuse(reply(501, "5.5.4", "You are not allowed to send from this address."), "sender-not-owned");

/** Throws a `TemporaryError` when a source cannot tell, as does the other. */
export function checkAllowed(scope: Scope, core: Core): Answer<Verdict | undefined> {
  return after(evaluateRefusal("is-allowed", core.settings.mail.isAllowed, scope, core, false), refuseUnallowed);
}

function refuseUnallowed(isAllowed: Value): Verdict | undefined {
  return asBoolean(isAllowed) ? undefined : notAllowed;
}

/** The null sender is nobody's, and everybody's. */
export function checkOwner(scope: Scope, core: Core): Answer<Verdict | undefined> {
  const { mustMatchSender } = core.settings.auth;
  if (mustMatchSender.constant === 0 || scope.session.login === "" || scope.sender === "") return undefined;
  return after(evaluate("must-match-sender", mustMatchSender, scope, core), refuseOthers, { scope, core });
}

interface Claim {
  readonly scope: Scope;
  readonly core: Core;
}

function refuseOthers(isAsked: Value, claim: Claim): Answer<Verdict | undefined> {
  return asBoolean(isAsked) ? after(isOwner(claim), refuseUnlessOwned, claim) : undefined;
}

function refuseUnlessOwned(isOwned: boolean, { scope, core }: Claim): Verdict | undefined {
  const { session, sender } = scope;
  core.trace?.({ step: "must-match-sender", asked: `${sender} by ${session.login}`, answer: isOwned ? "may send" : "does not own it" });
  if (isOwned) return undefined;
  mustBeSure(core.settings.auth.mustMatchSender, core);
  mustFindSurely(withRcpt(scope, sender), core);
  return notOwned;
}

function isOwner(claim: Claim): Answer<boolean> {
  return after(accountOf(claim), (account) =>
    after(resolveIn(claim, claim.scope.sender), (sender) => {
      if (mayUse(account, claim.scope.sender, sender)) return true;
      return after(namesOf(account, claim), (names) => isOneOf(names, sender, claim));
    }),
  );
}

function resolveIn({ scope, core }: Claim, address: string): Answer<Resolution> {
  return resolve(withRcpt(scope, address), core);
}

/** Of the login, in the directory of its domain; a name without one is looked up in that of the sender. */
function accountOf({ scope, core }: Claim): Answer<Account | undefined> {
  const { login } = scope.session;
  const at = login.includes("@") ? login : scope.sender;
  const own = core.settings.domains.get(domainOf(at) ?? "");
  return after(chooseDirectory(own, withRcpt(scope, at), core), (directory) => {
    const account = directory && accountIn(directory, nameOf(scope, core));
    return core.trace === undefined ? account : traced(account, scope.session.givenLogin, directory?.name ?? "", core.trace);
  });
}

/** The login as it was given; at an alias of a domain, in that domain. */
function nameOf({ session: { login, givenLogin } }: Scope, core: Core): string {
  const main = inMainDomain(login, core.settings);
  return main === login ? givenLogin : `${localPartOf(givenLogin)}@${domainOf(main)}`;
}

function accountIn(directory: Directory, login: string): Answer<Account | undefined> {
  if (directory.account === undefined)
    throw new TemporaryError(`directory "${directory.name}" does not know which addresses an account has`);
  return directory.account(login);
}

function traced(account: Answer<Account | undefined>, asked: string, name: string, trace: Trace) {
  return after(account, (found) => {
    const answer = found === undefined ? "no name of an account" : `may send as ${[...found.addresses, ...found.senders].join(", ")}`;
    trace({ step: `directory ${name}`, asked: `account ${asked}`, answer });
    return found;
  });
}

/** What the account may use without having it. */
function mayUse(account: Account | undefined, sender: string, resolution: Resolution): boolean {
  if (account === undefined || account.senders.length === 0) return false;
  const known = resolution.kind === "found" ? resolution.known : sender;
  return [sender, known, `@${domainOf(sender) ?? ""}`, `@${domainOf(known) ?? ""}`].some((each) => account.senders.includes(each));
}

/** All by which others may know the account. */
function namesOf(account: Account | undefined, claim: Claim): Answer<ReadonlySet<string>> {
  const { login } = claim.scope.session;
  const addresses = account?.addresses ?? [];
  if (!login.includes("@")) return new Set(addresses);
  return after(resolveIn(claim, login), (resolution) => {
    // A login that only a catch-all would take is no account.
    const isKnown = resolution.kind === "found" && resolution.reason !== "catch-all";
    return new Set(isKnown ? [...addresses, resolution.known, ...resolution.owners] : addresses);
  });
}

function isOneOf(names: ReadonlySet<string>, sender: Resolution, claim: Claim): Answer<boolean> {
  if (sender.kind !== "found" || names.size === 0) return false;
  if (names.has(sender.known) || sender.owners.some((owner) => names.has(owner))) return true;
  // Tables lead from one address to the next.
  return after(endsOf(sender.owners, claim), (ends) => after(endsOf([...names], claim), (own) => own.some((each) => ends.includes(each))));
}

function endsOf(addresses: readonly string[], claim: Claim): Answer<readonly string[]> {
  const next = (address: string) => after(resolveIn(claim, address), (found) => (found.kind === "found" ? found.owners : []));
  const ends: string[] = [];
  const followOne = (address: string) => after(follow(address, next), (found) => void ends.push(...found.addresses));
  return after(firstOutcome(addresses, followOne, undefined, claim.core.abort), () => ends);
}
