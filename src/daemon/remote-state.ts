/** State that another process keeps. */
import type { Answer } from "../answer/answer.ts";
import type { CorrespondentQuestion, GreylistAnswer, GreylistQuestion, State, ThrottleAnswer, ThrottleQuestion } from "../stage/state.ts";

export type StateQuestion =
  | { readonly kind: "greylist"; readonly question: GreylistQuestion }
  | { readonly kind: "throttle" | "giveBack"; readonly question: ThrottleQuestion }
  | { readonly kind: "remember" | "areCorrespondents"; readonly question: CorrespondentQuestion };

/** `undefined`: it was given back, or is remembered. */
export type StateAnswer = GreylistAnswer | ThrottleAnswer | boolean | undefined;

export function remoteState(ask: (question: StateQuestion) => Promise<StateAnswer>) {
  // `askState` gives each question the answer of its kind.
  return {
    greylist: (question) => ask({ kind: "greylist", question }) as Promise<GreylistAnswer>,
    throttle: (question) => ask({ kind: "throttle", question }) as Promise<ThrottleAnswer>,
    giveBack: (question) => ask({ kind: "giveBack", question }) as Promise<undefined>,
    remember: (question) => ask({ kind: "remember", question }) as Promise<undefined>,
    areCorrespondents: (question) => ask({ kind: "areCorrespondents", question }) as Promise<boolean>,
  } satisfies State;
}

/** In the process that keeps the state. */
export function askState(state: State, { kind, question }: StateQuestion): Answer<StateAnswer> {
  switch (kind) {
    case "greylist":
      return state.greylist(question);
    case "throttle":
      return state.throttle(question);
    case "giveBack":
      return state.giveBack(question) as Answer<undefined>;
    case "remember":
      return state.remember(question) as Answer<undefined>;
    case "areCorrespondents":
      return state.areCorrespondents(question);
  }
}
