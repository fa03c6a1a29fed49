/** State that another process keeps. */
import type { Answer } from "../answer/answer.ts";
import type { GreylistAnswer, GreylistQuestion, State, ThrottleAnswer, ThrottleQuestion } from "../stage/state.ts";

export type StateQuestion =
  | { readonly kind: "greylist"; readonly question: GreylistQuestion }
  | { readonly kind: "throttle" | "giveBack"; readonly question: ThrottleQuestion };

/** `undefined`: it was given back. */
export type StateAnswer = GreylistAnswer | ThrottleAnswer | undefined;

export function remoteState(ask: (question: StateQuestion) => Promise<StateAnswer>) {
  // `askState` gives each question the answer of its kind.
  return {
    greylist: (question) => ask({ kind: "greylist", question }) as Promise<GreylistAnswer>,
    throttle: (question) => ask({ kind: "throttle", question }) as Promise<ThrottleAnswer>,
    giveBack: (question) => ask({ kind: "giveBack", question }) as Promise<undefined>,
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
  }
}
