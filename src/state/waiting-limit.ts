/** Bounds the greylist entries of a client that never comes again: each would stay for the retry window. */
import { after } from "../answer/answer.ts";
import { answeredBy, type GreylistAnswer, type GreylistQuestion, type State } from "../stage/state.ts";
import { keyedHash } from "../text/keyed-hash.ts";
import type { StateStore } from "./state-store.ts";

/** Addresses are counted by their hashes, in as many sets of so many: the one of a set that was seen longest ago makes room. */
const sets = 8192;
const setSize = 8;

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
  const greylist = (question: GreylistQuestion) => {
    const isFull = counts.of(question) + 1 > question.maxWaiting;
    return after(store.greylist(isFull ? { ...question, beginsNothing: true } : question), count, { question, isFull });
  };
  return answeredBy({ greylist }, store);
}

interface CountedQuestion {
  readonly question: GreylistQuestion;
  /** So many entries of the address wait already that this one is not remembered. */
  readonly isFull: boolean;
}

/**
 * Entries that wait, by exact address. Those that expire are not seen, so each count runs down to nothing from its limit in a retry window,
 * also from a limit that is lower than it was.
 */
class WaitingCounts {
  /** Flat arrays, since nearly every first attempt is of an address that is not there yet. 0: nobody waits. */
  readonly #hashes = new Int32Array(sets * setSize);
  readonly #waiting = new Float64Array(sets * setSize);
  readonly #at = new Float64Array(sets * setSize);

  of({ autoWhitelist: { address }, now, maxWaiting, retryWindowMs }: GreylistQuestion): number {
    const place = this.#find(keyedHash(address));
    if (place === undefined) return 0;
    // A clock that was ahead holds nothing up: from now on it runs down.
    const gone = (Math.max(0, now - (this.#at[place] ?? 0)) / retryWindowMs) * maxWaiting;
    const waiting = Math.max(0, Math.min(this.#waiting[place] ?? 0, maxWaiting) - gone);
    this.#waiting[place] = waiting;
    this.#at[place] = now;
    return waiting;
  }

  add({ autoWhitelist: { address }, now }: GreylistQuestion, difference: 1 | -1): void {
    const hash = keyedHash(address);
    const known = this.#find(hash);
    if (known !== undefined) this.#waiting[known] = Math.max(0, (this.#waiting[known] ?? 0) + difference);
    else if (difference > 0) this.#begin(hash, now);
  }

  #find(hash: number): number | undefined {
    const first = firstOfSet(hash);
    for (let place = first; place < first + setSize; place += 1)
      if (this.#hashes[place] === hash && (this.#waiting[place] ?? 0) > 0) return place;
    return undefined;
  }

  #begin(hash: number, now: number): void {
    const first = firstOfSet(hash);
    let longest = first;
    for (let place = first; place < first + setSize; place += 1) {
      if (this.#waiting[place] === 0) {
        longest = place;
        break;
      }
      if ((this.#at[place] ?? 0) < (this.#at[longest] ?? 0)) longest = place;
    }
    this.#hashes[longest] = hash;
    this.#waiting[longest] = 1;
    this.#at[longest] = now;
  }
}

function firstOfSet(hash: number): number {
  return (hash & (sets - 1)) * setSize;
}
