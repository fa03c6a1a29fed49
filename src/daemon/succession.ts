/** What serves now, and what served before a reload, which stays open until the last question that it was asked is answered. */
import type { Answer } from "../answer/answer.ts";

interface Member<T> {
  readonly one: T;
  underWay: number;
  closing: Promise<void> | undefined;
  readonly answered: () => void;
  readonly closed: PromiseWithResolvers<void>;
}

export class Succession<T> {
  readonly #close: (one: T) => Promise<void>;
  #current: Member<T> | undefined;
  readonly #previous = new Set<Member<T>>();

  constructor(close: (one: T) => Promise<void>) {
    this.#close = close;
  }

  get current(): T {
    return this.#serving().one;
  }

  /** What is asked here keeps the current one open until it is answered. The question is passed on: a closure would be made for each. */
  use<R>(ask: (current: T) => Answer<R>): Answer<R>;
  use<R, Q, F>(ask: (current: T, question: Q, from?: F) => Answer<R>, question: Q, from?: F): Answer<R>;
  use<R, Q, F>(ask: (current: T, question: Q | undefined, from?: F) => Answer<R>, question?: Q, from?: F): Answer<R> {
    const member = this.#serving();
    const { one, answered } = member;
    member.underWay += 1;
    let answer: Answer<R>;
    try {
      answer = ask(one, question, from);
    } catch (error) {
      answered();
      throw error;
    }
    if (answer instanceof Promise) answer.then(answered, answered);
    else answered();
    return answer;
  }

  /** `next` serves when `prepare` is done. When that fails, `next` is closed, and nothing has changed. */
  async change(next: T, prepare = async () => {}): Promise<void> {
    try {
      await prepare();
    } catch (error) {
      await this.#close(next);
      throw error;
    }
    const previous = this.#current;
    this.#current = this.#member(next);
    if (previous === undefined) return;
    this.#previous.add(previous);
    this.#closeAnswered(previous);
  }

  /** Ends when nothing is open but what serves now. */
  async settled(): Promise<void> {
    await Promise.all([...this.#previous].map(({ closed }) => closed.promise));
  }

  async close(): Promise<void> {
    const open = [...this.#previous, ...(this.#current === undefined ? [] : [this.#current])];
    this.#current = undefined;
    await Promise.all(open.map((member) => this.#closeOnce(member)));
  }

  #serving(): Member<T> {
    if (this.#current === undefined) throw new Error("nothing serves yet");
    return this.#current;
  }

  #member(one: T): Member<T> {
    const member: Member<T> = {
      one,
      underWay: 0,
      closing: undefined,
      closed: Promise.withResolvers(),
      answered: () => {
        member.underWay -= 1;
        this.#closeAnswered(member);
      },
    };
    return member;
  }

  #closeAnswered(member: Member<T>): void {
    if (member.underWay === 0 && this.#previous.has(member)) void this.#closeOnce(member);
  }

  #closeOnce(member: Member<T>): Promise<void> {
    member.closing ??= this.#close(member.one).finally(() => {
      this.#previous.delete(member);
      member.closed.resolve();
    });
    return member.closing;
  }
}
