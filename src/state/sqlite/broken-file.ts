/** Which errors mean that the file of the state is broken: SQLite cannot read it, or it has what was never written to it here. */
import { resultCodeOf, SQLITE_CORRUPT, SQLITE_NOTADB } from "../../store/sqlite-result-codes.ts";
import { codeOf } from "../../text/error-code.ts";

/** What was read is none of what this program writes there. */
export class BrokenContent extends Error {}

export function isBroken(error: unknown): boolean {
  const code = resultCodeOf(error);
  return code === SQLITE_CORRUPT || code === SQLITE_NOTADB || error instanceof BrokenContent || isTooLarge(error);
}

/** A number that was read, as node:sqlite says: what is written are exact numbers of JavaScript. */
function isTooLarge(error: unknown): boolean {
  return error instanceof RangeError && codeOf(error) === "ERR_OUT_OF_RANGE";
}
