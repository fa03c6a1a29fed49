/** State as a log tells of it: what was greylisted waits, and all else is known already. Nothing is remembered. */
import type { GreylistAnswer, State, ThrottleAnswer } from "../stage/state.ts";
import type { LoggedDecision } from "./logged-decision.ts";

export class ReplayedState implements State {
  /** The decision that is made anew. */
  logged: LoggedDecision | undefined;

  greylist(): GreylistAnswer {
    switch (this.logged?.reason) {
      case "greylisted":
      case "greylist-training":
        return { kind: "wait", firstSeen: 0, isNew: false };
      case "greylist-passed":
        return { kind: "pass", firstPass: true, waitedMs: 0 };
      default:
        return { kind: "pass", firstPass: false, waitedMs: 0 };
    }
  }

  throttle(): ThrottleAnswer {
    return { allowed: true, taken: 0 };
  }

  giveBack(): void {}

  areCorrespondents(): boolean {
    return this.logged?.reason === "correspondent";
  }

  remember(): void {}
}
