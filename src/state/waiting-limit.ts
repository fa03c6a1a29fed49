/** Bounds the greylist entries of a client that never comes again: each would stay for the retry window. */
import { LRUCache } from "lru-cache";
import { after } from "../answer/answer.ts";
import type { GreylistAnswer, GreylistQuestion, State } from "../stage/state.ts";
import type { StateStore } from "./state-store.ts";

/** Counted at once; the one that was seen longest ago begins anew. */
const maxAddresses = 50_000;

/**
 * Counted by the exact address, not by the client of the triplet: whoever is at the limit harms no neighbour in its network, and no other
 * customer of its provider. `onFull` is called at each first attempt that is not remembered.
 */
export function limitWaiting(store: Pick<StateStore, keyof State>, onFull: (address: string) => void = () => {}): State {
  const counts = new WaitingCounts();
  const count = (answer: GreylistAnswer, { question, isFull }: CountedQuestion): GreylistAnswer => {
    if (answer.kind === "pass" && answer.firstPass) counts.add(question, -1);
    else if (answer.kind === "wait" && answer.isNew) {
      if (isFull) onFull(question.autoWhitelist.address);
      else counts.add(question, 1);
    }
    return answer;
  };
  return {
    ...(store.source && { source: store.source }),
    greylist(question) {
      const isFull = counts.of(question) + 1 > question.maxWaiting;
      return after(store.greylist(isFull ? { ...question, beginsNothing: true } : question), count, { question, isFull });
    },
    throttle: (question) => store.throttle(question),
    giveBack: (question) => store.giveBack(question),
    remember: (question) => store.remember(question),
    areCorrespondents: (question) => store.areCorrespondents(question),
  };
}

interface CountedQuestion {
  readonly question: GreylistQuestion;
  /** So many entries of the address wait already that this one is not remembered. */
  readonly isFull: boolean;
}

/** Entries that wait, by exact address. Those that expire are not seen, so each count runs down to nothing from its limit in a retry window. */
class WaitingCounts {
  readonly #counts = new LRUCache<string, { waiting: number; at: number }>({ max: maxAddresses });

  of({ autoWhitelist: { address }, now, maxWaiting, retryWindowMs }: GreylistQuestion): number {
    const count = this.#counts.get(address);
    if (count === undefined) return 0;
    // A clock that was ahead holds nothing up: from now on it runs down.
    count.waiting = Math.max(0, count.waiting - (Math.max(0, now - count.at) / retryWindowMs) * maxWaiting);
    count.at = now;
    return count.waiting;
  }

  add({ autoWhitelist: { address }, now }: GreylistQuestion, difference: 1 | -1): void {
    const count = this.#counts.get(address);
    if (count !== undefined) count.waiting = Math.max(0, count.waiting + difference);
    else if (difference > 0) this.#counts.set(address, { waiting: difference, at: now });
  }
}
