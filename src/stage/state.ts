/** What stages remember between messages: greylist entries and throttle counters. One atomic step answers each question. */
import type { Answer } from "../answer/answer.ts";
import type { WaitedFor } from "../answer/patience.ts";

/** Times are milliseconds since the epoch, given by the caller; stores read no clock. */
export interface GreylistQuestion {
  /** Parts of the triplet in readable form, folded: what `greylist list` shows. */
  readonly client: string;
  readonly sender: string;
  readonly recipient: string;
  readonly now: number;
  /** A retry before this is still refused. */
  readonly delayMs: number;
  /** A retry after this starts again. */
  readonly retryWindowMs: number;
  /** A passed entry lives this long since last seen. */
  readonly lifetimeMs: number;
  /**
   * Passes of one exact address, at most one an hour counted, after which it is not greylisted; `passes` undefined: only
   * when an administrator allowed the address.
   */
  readonly autoWhitelist: { readonly address: string; readonly passes: number | undefined };
  /** When so many entries of that address wait, a first attempt is refused without being remembered. */
  readonly maxWaiting: number;
}

export type GreylistAnswer =
  /** Refused. `firstSeen` is when the wait began; `isNew`: with this question. */
  | { readonly kind: "wait"; readonly firstSeen: number; readonly isNew: boolean }
  /** Passed. `firstPass`: for the first time, after `waitedMs`. */
  | { readonly kind: "pass"; readonly firstPass: boolean; readonly waitedMs: number }
  | { readonly kind: "whitelisted" };

export interface ThrottleQuestion {
  /** The throttle's id and the values of its keys; distinct throttles never share one. */
  readonly key: string;
  readonly now: number;
  readonly count: number;
  readonly periodMs: number;
  readonly window: "fixed" | "sliding";
  /** The same token within the period, for ten minutes at most, counts once, whichever node is asked; `undefined`: each question counts. */
  readonly token: string | undefined;
}

export interface ThrottleAnswer {
  readonly allowed: boolean;
  /** After this question; a refused one takes nothing. */
  readonly taken: number;
  /** Its token had taken something already, so that this question took nothing. */
  readonly isRepeat?: true;
}

/** Two who write to each other. */
export interface CorrespondentQuestion {
  /** A digest: whom somebody writes to is not to be read anywhere. */
  readonly key: string;
  readonly now: number;
  /** Since the last message. */
  readonly lifetimeMs: number;
}

/** Rejects with a `TemporaryError` when it cannot tell. A promise is fulfilled when the answer would survive `kill -9`. */
export interface State {
  /** `undefined`: it keeps nobody waiting. */
  readonly source?: WaitedFor;
  greylist(question: GreylistQuestion): Answer<GreylistAnswer>;
  throttle(question: ThrottleQuestion): Answer<ThrottleAnswer>;
  /** Takes back what a question with this token took, for a recipient that was refused after all. */
  giveBack(question: ThrottleQuestion): Answer<void>;
  /** From now on they are correspondents. */
  remember(question: CorrespondentQuestion): Answer<void>;
  areCorrespondents(question: CorrespondentQuestion): Answer<boolean>;
}

/** The same state, where `own` answers some of the questions. */
export function answeredBy(own: Partial<Omit<State, "source">>, state: State): State {
  return {
    ...(state.source && { source: state.source }),
    greylist: (question) => state.greylist(question),
    throttle: (question) => state.throttle(question),
    giveBack: (question) => state.giveBack(question),
    remember: (question) => state.remember(question),
    areCorrespondents: (question) => state.areCorrespondents(question),
    ...own,
  };
}
