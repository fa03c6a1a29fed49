/** Questions of one kind that wait for the statement that asks them together. */
import type pg from "pg";
import { TemporaryError } from "../answer/temporary-error.ts";

const maxBatch = 500;
/** Of a question that another node or a deadlock got in the way of. */
const maxTries = 5;

export interface QueuedQuestion<Question, Answer> {
  readonly question: Question;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: TemporaryError) => void;
  readonly timer: NodeJS.Timeout;
  tries: number;
  isLate: boolean;
}

export class BatchQueue<Question, Answer> {
  #pending: QueuedQuestion<Question, Answer>[] = [];
  readonly #ask: (client: pg.ClientBase, questions: readonly Question[]) => Promise<readonly (Answer | undefined)[]>;
  readonly #group: () => (question: Question) => boolean;

  /** An answer `undefined`: ask again. `group` says of one question after the other whether it may go with those before. */
  constructor(
    ask: (client: pg.ClientBase, questions: readonly Question[]) => Promise<readonly (Answer | undefined)[]>,
    group: () => (question: Question) => boolean = () => () => true,
  ) {
    this.#ask = ask;
    this.#group = group;
  }

  get length(): number {
    return this.#pending.length;
  }

  add(pending: QueuedQuestion<Question, Answer>): void {
    this.#pending.push(pending);
  }

  take(): Batch | undefined {
    const fits = this.#group();
    const batch: QueuedQuestion<Question, Answer>[] = [];
    const rest: QueuedQuestion<Question, Answer>[] = [];
    for (const pending of this.#pending) {
      if (pending.isLate) continue;
      (batch.length < maxBatch && fits(pending.question) ? batch : rest).push(pending);
    }
    this.#pending = rest;
    if (batch.length === 0) return undefined;
    return {
      perform: async (client) => {
        const answers = await this.#ask(
          client,
          batch.map(({ question }) => question),
        );
        for (const [index, pending] of batch.entries()) {
          const answer = answers[index];
          if (answer !== undefined) settle(pending, () => pending.resolve(answer));
          else this.#again(pending, new TemporaryError("other nodes got in the way"));
        }
      },
      again: (error) => {
        for (const pending of batch) this.#again(pending, error);
      },
      fail: (error) => {
        for (const pending of batch) settle(pending, () => pending.reject(error));
      },
    };
  }

  #again(pending: QueuedQuestion<Question, Answer>, error: TemporaryError): void {
    pending.tries += 1;
    if (pending.tries < maxTries) this.#pending.push(pending);
    else settle(pending, () => pending.reject(error));
  }
}

function settle(pending: QueuedQuestion<never, never> | { readonly timer: NodeJS.Timeout }, work: () => void): void {
  clearTimeout(pending.timer);
  work();
}

export interface Batch {
  perform(client: pg.ClientBase): Promise<void>;
  again(error: TemporaryError): void;
  fail(error: TemporaryError): void;
}

/** Each goes alone. */
export function oneByOne(): () => boolean {
  let isFirst = true;
  return () => {
    const fits = isFirst;
    isFirst = false;
    return fits;
  };
}
