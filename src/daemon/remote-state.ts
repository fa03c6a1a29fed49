/** State that another process holds: what is asked in one tick goes there as one message, and so do the answers of one tick. */

import { Availability, type OnAvailability } from "../answer/availability.ts";
import { TemporaryError } from "../answer/temporary-error.ts";
import type { GreylistAnswer, GreylistQuestion, State, ThrottleAnswer, ThrottleQuestion } from "../stage/state.ts";

export type StateQuestion = { readonly id: number } & (
  | { readonly kind: "greylist"; readonly question: GreylistQuestion }
  | { readonly kind: "throttle" | "giveBack"; readonly question: ThrottleQuestion }
);

/** What became of the question with that id. A `failure` that is a bug is told with its stack. */
export type StateOutcome = { readonly id: number } & (
  | { readonly kind: "answer"; readonly answer: GreylistAnswer | ThrottleAnswer | undefined }
  | { readonly kind: "temporary" | "bug"; readonly message: string }
);

/** Sends what was gathered until the end of the tick. */
class Tick<T> {
  readonly #send: (gathered: readonly T[]) => void;
  #gathered: T[] = [];

  constructor(send: (gathered: readonly T[]) => void) {
    this.#send = send;
  }

  add(one: T): void {
    this.#gathered.push(one);
    if (this.#gathered.length > 1) return;
    setImmediate(() => {
      const gathered = this.#gathered;
      this.#gathered = [];
      this.#send(gathered);
    });
  }
}

interface Asker {
  resolve(answer: unknown): void;
  reject(error: Error): void;
  readonly timer: NodeJS.Timeout;
}

export interface RemoteStateOptions {
  readonly send: (questions: readonly StateQuestion[]) => void;
  /** Milliseconds after which a question fails: longer than the other process takes to say that it cannot tell. */
  readonly deadlineMs: () => number;
  /** The other process lives and answers nothing, or answers again. */
  readonly onAvailability: OnAvailability;
}

/** The side that asks. */
export class RemoteState implements State {
  readonly #tick: Tick<StateQuestion>;
  readonly #askers = new Map<number, Asker>();
  readonly #deadlineMs: () => number;
  readonly #availability: Availability;
  #lastId = 0;
  #isLost = false;

  constructor({ send, deadlineMs, onAvailability }: RemoteStateOptions) {
    this.#deadlineMs = deadlineMs;
    this.#availability = new Availability("primary process", onAvailability);
    this.#tick = new Tick((questions) => {
      if (!this.#isLost) send(questions);
    });
  }

  greylist(question: GreylistQuestion): Promise<GreylistAnswer> {
    return this.#ask((id) => ({ id, kind: "greylist", question }));
  }

  throttle(question: ThrottleQuestion): Promise<ThrottleAnswer> {
    return this.#ask((id) => ({ id, kind: "throttle", question }));
  }

  giveBack(question: ThrottleQuestion): Promise<void> {
    return this.#ask((id) => ({ id, kind: "giveBack", question }));
  }

  take(outcomes: readonly StateOutcome[]): void {
    for (const outcome of outcomes) {
      const asker = this.#askers.get(outcome.id);
      // Nobody waits for it any more.
      if (asker === undefined) continue;
      this.#availability.worked("");
      clearTimeout(asker.timer);
      this.#askers.delete(outcome.id);
      switch (outcome.kind) {
        case "answer":
          asker.resolve(outcome.answer);
          break;
        case "temporary":
          asker.reject(new TemporaryError(outcome.message));
          break;
        case "bug":
          asker.reject(new Error(outcome.message));
          break;
      }
    }
  }

  /** The other process has gone: nothing is answered any more. */
  lose(): void {
    this.#isLost = true;
    for (const { reject, timer } of this.#askers.values()) {
      clearTimeout(timer);
      reject(gone());
    }
    this.#askers.clear();
  }

  #late(id: number): void {
    const error = new TemporaryError("the process that keeps the state does not answer");
    this.#availability.failed("", error);
    this.#askers.get(id)?.reject(error);
    this.#askers.delete(id);
  }

  #ask<T>(questionOf: (id: number) => StateQuestion): Promise<T> {
    if (this.#isLost) return Promise.reject(gone());
    this.#lastId += 1;
    const id = this.#lastId;
    this.#tick.add(questionOf(id));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => this.#late(id), this.#deadlineMs());
      // `answerQuestions` gives each id the answer to its question.
      this.#askers.set(id, { resolve: (answer) => resolve(answer as T), reject, timer });
    });
  }
}

function gone(): TemporaryError {
  return new TemporaryError("the process that keeps the state has gone");
}

/** The side that is asked; `state` is asked for each time, so that it may change. The result takes what came from a `RemoteState`. */
export function answerQuestions(
  state: () => State,
  send: (outcomes: readonly StateOutcome[]) => void,
): (questions: readonly StateQuestion[]) => void {
  const tick = new Tick(send);
  return (questions) => {
    for (const question of questions) {
      const { id } = question;
      answerOf(state, question).then(
        (answer) => tick.add({ id, kind: "answer", answer }),
        (error: unknown) => tick.add({ id, ...failureOf(error) }),
      );
    }
  };
}

/** Async, so that what is thrown at once is rejected too. */
async function answerOf(state: () => State, { kind, question }: StateQuestion): Promise<GreylistAnswer | ThrottleAnswer | undefined> {
  switch (kind) {
    case "greylist":
      return state().greylist(question);
    case "throttle":
      return state().throttle(question);
    case "giveBack":
      await state().giveBack(question);
      return undefined;
  }
}

function failureOf(error: unknown): { readonly kind: "temporary" | "bug"; readonly message: string } {
  if (error instanceof TemporaryError) return { kind: "temporary", message: error.message };
  return { kind: "bug", message: (error instanceof Error && error.stack) || String(error) };
}
