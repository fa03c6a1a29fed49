/** Questions to another process: what is asked in one tick goes there as one message, and so do the answers of one tick. */
import { randomInt } from "node:crypto";
import type { Answer } from "../answer/answer.ts";
import { Availability, type OnAvailability } from "../answer/availability.ts";
import { TemporaryError } from "../answer/temporary-error.ts";
import { PendingAnswer } from "../store/pending-answer.ts";
import { stackOf } from "../text/error-message.ts";
import { Tick } from "./tick.ts";

export interface Asked<Question> {
  readonly id: number;
  readonly question: Question;
}

/** The outcome of the question with that id. A bug comes with its stack. */
export type Answered<Reply> = { readonly id: number } & (
  | { readonly kind: "answer"; readonly answer: Reply }
  | { readonly kind: "temporary" | "bug"; readonly message: string }
);

export interface RemoteQuestionsOptions<Question> {
  /** Names the other process. */
  readonly process: string;
  readonly send: (questions: readonly Asked<Question>[]) => void;
  /** Milliseconds after which a question fails: longer than the other process takes to say that it cannot tell. */
  readonly deadlineMs: () => number;
  /** The other process runs and does not answer, or answers again. */
  readonly onAvailability: OnAvailability;
}

/** The side that asks. */
export class RemoteQuestions<Question, Reply> {
  readonly #process: string;
  readonly #tick: Tick<Asked<Question>>;
  readonly #pending = new Map<number, PendingAnswer<Reply>>();
  readonly #deadlineMs: () => number;
  readonly #availability: Availability;
  /** Starts at random: a process that replaces another must not get the answers to the other's questions. */
  #lastId = randomInt(2 ** 47);
  #isLost = false;

  constructor({ process, send, deadlineMs, onAvailability }: RemoteQuestionsOptions<Question>) {
    this.#process = process;
    this.#deadlineMs = deadlineMs;
    this.#availability = new Availability(process, onAvailability);
    this.#tick = new Tick((questions) => {
      if (!this.#isLost) send(questions);
    });
  }

  /** Rejects with a `TemporaryError` when the other process cannot tell, has gone, or is too late. */
  ask(question: Question): Promise<Reply> {
    if (this.#isLost) return Promise.reject(this.#gone());
    this.#lastId += 1;
    const id = this.#lastId;
    const answer = new PendingAnswer<Reply>(this.#deadlineMs(), () => {
      this.#pending.delete(id);
      const error = new TemporaryError(`the ${this.#process} does not answer`);
      this.#availability.failed("", error);
      return error;
    });
    this.#pending.set(id, answer);
    this.#tick.add({ id, question });
    return answer.promise;
  }

  take(outcomes: readonly Answered<Reply>[]): void {
    for (const outcome of outcomes) {
      const pending = this.#pending.get(outcome.id);
      // Nobody waits for it any more.
      if (pending === undefined) continue;
      this.#availability.worked("");
      this.#pending.delete(outcome.id);
      switch (outcome.kind) {
        case "answer":
          pending.resolve(outcome.answer);
          break;
        case "temporary":
          pending.reject(new TemporaryError(outcome.message));
          break;
        case "bug":
          pending.reject(new Error(outcome.message));
          break;
      }
    }
  }

  /** The other process has gone: nothing is answered any more. */
  lose(): void {
    this.#isLost = true;
    for (const pending of this.#pending.values()) pending.reject(this.#gone());
    this.#pending.clear();
  }

  #gone(): TemporaryError {
    return new TemporaryError(`the ${this.#process} has gone`);
  }
}

/** The side that is asked. The result takes what came from `RemoteQuestions`. */
export function answerQuestions<Question, Reply>(
  answer: (question: Question) => Answer<Reply>,
  send: (outcomes: readonly Answered<Reply>[]) => void,
): (questions: readonly Asked<Question>[]) => void {
  const tick = new Tick(send);
  // Async, so that what is thrown at once is rejected too.
  const ask = async (question: Question) => answer(question);
  return (questions) => {
    for (const { id, question } of questions) {
      ask(question).then(
        (reply) => tick.add({ id, kind: "answer", answer: reply }),
        (error: unknown) => tick.add({ id, ...failureOf(error) }),
      );
    }
  };
}

function failureOf(error: unknown): { readonly kind: "temporary" | "bug"; readonly message: string } {
  if (error instanceof TemporaryError) return { kind: "temporary", message: error.message };
  return { kind: "bug", message: stackOf(error) };
}
