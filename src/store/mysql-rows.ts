/** A prepared statement on a connection to MySQL, of whose rows no more are kept than can be used: the protocol has no bound of rows. */
import type { PoolConnection as Connection, FieldPacket, ResultSetHeader } from "mysql2";
import type mysql from "mysql2/promise";

/** Rows that are read and dropped: up to so many cost less than a new connection. */
const maxDropped = 1000;

export type MysqlOutcome =
  | {
      readonly kind: "rows";
      readonly rows: readonly (readonly unknown[])[];
      readonly fields: readonly FieldPacket[];
      /** False: more has come or is to come, so that the connection can be used for nothing else. */
      readonly isAll: boolean;
    }
  | { readonly kind: "changes"; readonly header: ResultSetHeader };

export interface ExecuteOptions {
  readonly maxRows: number;
  /** Nobody waits for the outcome any more, who was told that it failed: what is only prepared then must not be carried out. */
  readonly isGivenUp: () => boolean;
}

export function execute(
  { connection }: mysql.PoolConnection,
  text: string,
  values: readonly string[],
  { maxRows, isGivenUp }: ExecuteOptions,
): Promise<MysqlOutcome> {
  // The types take it for one of promises.
  const own = connection as unknown as Connection;
  return new Promise((resolve, reject) => {
    const rows: (readonly unknown[])[] = [];
    let fields: readonly FieldPacket[] | undefined;
    let dropped = 0;
    let isAll = true;
    const giveRows = () => resolve({ kind: "rows", rows, fields: fields ?? [], isAll });
    const fail = (error: Error) => {
      own.off("error", fail);
      reject(error);
    };
    own.once("error", fail);
    own.prepare(text, (error, statement) => {
      if (error !== null) return fail(error);
      if (isGivenUp()) return fail(new Error("it is given up"));
      // A statement without a callback gives its rows one by one, and nobody else hears of its error.
      const command = statement.execute([...values]);
      command.on("error", fail);
      command.on("fields", (those: readonly FieldPacket[] | undefined) => {
        fields ??= those;
      });
      command.on("result", (result: readonly unknown[] | ResultSetHeader, index?: number) => {
        if (!isRow(result) && fields === undefined) return resolve({ kind: "changes", header: result });
        if (isRow(result) && index === 0 && rows.length < maxRows) return rows.push(result);
        dropped += 1;
        // A procedure gives several results.
        if (dropped > maxDropped || !isRow(result)) isAll = false;
        if (dropped > maxDropped) giveRows();
      });
      command.on("end", () => {
        own.off("error", fail);
        giveRows();
      });
    });
  });
}

/** rowsAsArray makes rows arrays. */
function isRow(result: readonly unknown[] | ResultSetHeader): result is readonly unknown[] {
  return Array.isArray(result);
}
