/** The `init` file of a store: run before its first query, and again until it works. */

import { Availability, type OnAvailability } from "../answer/availability.ts";
import { TemporaryError } from "../answer/temporary-error.ts";
import { errorMessage } from "../text/error-message.ts";
import type { Database } from "./database.ts";
import { PendingAnswer } from "./pending-answer.ts";
import type { StoreSettings } from "./store-settings.ts";

/** Time to create tables and indexes; queries wait for it only within their own deadline. */
const initTimeoutMs = 600_000;

export function initialised(database: Database, { file, sql }: Init, timeoutMs: number, onAvailability: OnAvailability): Database {
  const availability = new Availability(database.name, onAvailability);
  let done: Promise<void> | undefined;
  let isClosed = false;

  async function start(): Promise<void> {
    try {
      await database.run(sql, initTimeoutMs);
      availability.worked("init");
    } catch (cause) {
      done = undefined;
      const error = new TemporaryError(`init file ${file}: ${errorMessage(cause)}`, { cause });
      if (!isClosed) availability.failed("init", error);
      throw error;
    }
  }

  function ready(): Promise<void> {
    done ??= start();
    const answer = new PendingAnswer<void>(
      timeoutMs,
      () => new TemporaryError(`store "${database.name}": init file ${file} is still running`),
    );
    done.then(
      () => answer.resolve(),
      (error: unknown) => answer.reject(error),
    );
    return answer.promise;
  }

  let isReady = false;
  async function whenReady<T>(work: () => Promise<T>): Promise<T> {
    if (!isReady) await ready();
    isReady = true;
    return work();
  }

  return {
    name: database.name,
    source: database.source,
    query: (...question) => whenReady(() => database.query(...question)),
    check: (sql) => whenReady(() => database.check(sql)),
    run: (script, limitMs) => whenReady(() => database.run(script, limitMs)),
    close() {
      isClosed = true;
      return database.close();
    },
  };
}

type Init = NonNullable<StoreSettings["init"]>;
