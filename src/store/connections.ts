/** Connections to a server, each lent for one piece of work within a deadline, at which it is given up. */
import { UnderWay } from "../answer/under-way.ts";
import { errorMessage } from "../text/error-message.ts";
import { PendingAnswer } from "./pending-answer.ts";

export interface Lender<Connection> {
  lend(): Promise<Connection>;
  /** Unless it is fit for further work, it must be closed. */
  takeBack(connection: Connection, isFit: boolean): void;
  /** `error`: why the work failed. */
  isFit(connection: Connection, error: unknown): boolean;
}

/** The deadline came first: the connection may be as good as before. */
export class NoAnswer extends Error {
  override name = "NoAnswer";

  constructor(timeoutMs: number) {
    super(`no answer in ${timeoutMs} ms`);
  }
}

export class Connections<Connection> {
  readonly #lender: Lender<Connection>;
  /** How each piece of work in progress is given up. */
  readonly #inProgress = new UnderWay<(error: Error) => void>();

  constructor(lender: Lender<Connection>) {
    this.#lender = lender;
  }

  /** The deadline counts from the call, so that waiting for a connection is within it. */
  use<T>(timeoutMs: number, work: (connection: Connection) => Promise<T>): Promise<T> {
    const lender = this.#lender;
    let used: Connection | undefined;
    // What the server makes of the work is not known then, so the connection cannot be used for another.
    const discard = () => {
      if (used !== undefined) lender.takeBack(used, false);
    };
    const answer = new PendingAnswer<T>(timeoutMs, () => {
      discard();
      return new NoAnswer(timeoutMs);
    });
    const giveUp = (error: Error) => {
      if (!answer.isSettled) discard();
      answer.reject(error);
    };
    const perform = async () => {
      const connection = await lender.lend();
      if (answer.isSettled) return lender.takeBack(connection, true);
      used = connection;
      try {
        const result = await work(connection);
        if (!answer.isSettled) lender.takeBack(connection, lender.isFit(connection, undefined));
        answer.resolve(result);
      } catch (error) {
        if (!answer.isSettled) lender.takeBack(connection, lender.isFit(connection, error));
        answer.reject(error);
      }
    };
    const begun = this.#inProgress.begin(giveUp);
    perform()
      .catch((error: unknown) => answer.reject(error))
      .finally(() => this.#inProgress.end(begun));
    return answer.promise;
  }

  /** Work in progress fails, since it may take minutes. */
  giveUp(): void {
    for (const giveUp of this.#inProgress.values) giveUp(new Error("it is closed"));
  }
}

export function messageOf(error: unknown): string {
  // Node reports the failures of all addresses of a name by an AggregateError without a message.
  if (error instanceof AggregateError && error.message === "") return error.errors.map(messageOf).join("; ");
  return errorMessage(error);
}
