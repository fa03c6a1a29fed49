/** Whom authenticated and trusted sessions write to: their mail to that sender is not greylisted. */

import { hash } from "node:crypto";
import { type Answer, after } from "../answer/answer.ts";
import { firstOutcome } from "../answer/steps.ts";
import type { Core } from "./core.ts";
import { foldSender } from "./fold-sender.ts";
import { onTemporary } from "./refuse.ts";
import { isStranger } from "./session.ts";
import type { GreylistSettings } from "./stage-settings.ts";
import type { CorrespondentQuestion } from "./state.ts";
import type { Scope } from "./vocabulary.ts";

/** The recipient is one elsewhere, and is accepted. What cannot be remembered now refuses nothing. */
export function rememberCorrespondent({ session, sender }: Scope, recipient: string, core: Core): Answer<undefined> {
  const { greylist } = core.settings.rcpt;
  if (greylist.correspondentsMs === undefined || sender === "" || isStranger(session)) return undefined;
  return onTemporary<CorrespondentQuestion, undefined>(
    (question) => after(core.sources.state.remember(question), () => undefined),
    () => undefined,
    questionOf(sender, recipient, greylist.correspondentsMs, greylist, core),
  );
}

/** Whether one of the recipients has written to the sender; they are all names of one. Throws a `TemporaryError` when it cannot tell. */
export function isCorrespondent(sender: string, recipients: ReadonlySet<string>, core: Core): Answer<boolean> {
  const { greylist } = core.settings.rcpt;
  const { correspondentsMs } = greylist;
  if (correspondentsMs === undefined || sender === "") return false;
  const ask = (recipient: string) =>
    after(core.sources.state.areCorrespondents(questionOf(recipient, sender, correspondentsMs, greylist, core)), (are) => are || undefined);
  return after(firstOutcome([...recipients], ask, undefined, core.abort), (are) => are === true);
}

/** `here` and `elsewhere`: the addresses of the one and of the other, canonical. */
function questionOf(
  here: string,
  elsewhere: string,
  lifetimeMs: number,
  { foldSenders }: GreylistSettings,
  core: Core,
): CorrespondentQuestion {
  const key = hash("sha256", JSON.stringify([here, foldSenders ? foldSender(elsewhere) : elsewhere]), "base64url").slice(0, 22);
  return { key, now: core.sources.now(), lifetimeMs };
}
