/** Questions of one kind that wait for the statement that asks them together. */
import type pg from "pg";
import { TemporaryError } from "../../answer/temporary-error.ts";
import type { PendingAnswer } from "../../store/pending-answer.ts";
import { sqlStateOf } from "../../store/postgresql-pool.ts";

const maxBatch = 500;
/** For what collides with another node or a deadlock. */
export const maxTries = 5;

interface QueuedQuestion<Question, Answer> {
  readonly question: Question;
  readonly answer: PendingAnswer<Answer>;
  tries: number;
}

export class BatchQueue<Question, Answer> {
  #queued: QueuedQuestion<Question, Answer>[] = [];
  readonly #ask: (client: pg.ClientBase, questions: readonly Question[]) => Promise<readonly (Answer | undefined)[]>;
  readonly #group: () => (question: Question) => boolean;

  /** `ask` answers `undefined` for a question that is to be asked again. `group` says, one by one, whether a question may join the batch. */
  constructor(
    ask: (client: pg.ClientBase, questions: readonly Question[]) => Promise<readonly (Answer | undefined)[]>,
    group: () => (question: Question) => boolean = () => () => true,
  ) {
    this.#ask = ask;
    this.#group = group;
  }

  get length(): number {
    return this.#queued.length;
  }

  add(queued: QueuedQuestion<Question, Answer>): void {
    this.#queued.push(queued);
  }

  take(): Batch | undefined {
    const fits = this.#group();
    const batch: QueuedQuestion<Question, Answer>[] = [];
    const rest: QueuedQuestion<Question, Answer>[] = [];
    for (const queued of this.#queued) {
      if (queued.answer.isSettled) continue;
      (batch.length < maxBatch && fits(queued.question) ? batch : rest).push(queued);
    }
    this.#queued = rest;
    if (batch.length === 0) return undefined;
    return {
      perform: async (client) => {
        const answers = await this.#ask(
          client,
          batch.map(({ question }) => question),
        );
        for (const [index, queued] of batch.entries()) {
          const answer = answers[index];
          if (answer !== undefined) queued.answer.resolve(answer);
          else this.#again(queued, new TemporaryError("too many collisions with other nodes"));
        }
      },
      again: (error) => {
        for (const queued of batch) this.#again(queued, error);
      },
      fail: (error) => {
        for (const queued of batch) queued.answer.reject(error);
      },
    };
  }

  #again(queued: QueuedQuestion<Question, Answer>, error: TemporaryError): void {
    queued.tries += 1;
    if (queued.tries < maxTries) this.#queued.push(queued);
    else queued.answer.reject(error);
  }
}

export interface Batch {
  perform(client: pg.ClientBase): Promise<void>;
  again(error: TemporaryError): void;
  fail(error: TemporaryError): void;
}

/** Serialization failure or deadlock: nothing was done, and it may work now. */
export function isCollision(error: unknown): boolean {
  return /^40(001|P01)/.test(sqlStateOf(error));
}
