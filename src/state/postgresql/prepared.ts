/** Statements that a connection prepares at their first use, unless a pooler gives that connection to others in between. */
import type pg from "pg";
import { isMixedUp, queryRows } from "../../store/postgresql-pool.ts";

const unprepared = new WeakSet<pg.ClientBase>();

interface Prepared {
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
}

/** On this connection nothing is prepared any more. */
export function prepareNothing(client: pg.ClientBase): void {
  unprepared.add(client);
}

/** A statement of its own, and no part of a transaction. Rows are arrays. */
export function ask<R extends unknown[]>(client: pg.ClientBase, { name, text, values }: Prepared): Promise<pg.QueryArrayResult<R>> {
  const once = { text, values: [...values] };
  if (unprepared.has(client)) return queryRows<R>(client, once);
  return queryRows<R>(client, { ...once, name }).catch((cause: unknown) => {
    if (!isMixedUp(cause)) throw cause;
    prepareNothing(client);
    return queryRows<R>(client, once);
  });
}
