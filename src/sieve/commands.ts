/** The table of commands. `if`, `elsif` and `else` are not in it: they are compiled together. */
import { errorRecord } from "./command-error.ts";
import { evalRecord, letRecord } from "./command-eval.ts";
import { globalRecord, includeRecord, returnRecord } from "./command-include.ts";
import { discardRecord, keepRecord, stopRecord } from "./command-keep.ts";
import { executeRecord, queryRecord } from "./command-query.ts";
import { ereject, reject } from "./command-reject.ts";
import { requireRecord } from "./command-require.ts";
import { setRecord } from "./command-set.ts";
import { breakRecord, continueRecord, whileRecord } from "./command-while.ts";
import type { CommandRecord } from "./record.ts";

const records: readonly CommandRecord[] = [
  breakRecord,
  continueRecord,
  discardRecord,
  ereject,
  errorRecord,
  evalRecord,
  executeRecord,
  globalRecord,
  includeRecord,
  keepRecord,
  letRecord,
  queryRecord,
  reject,
  requireRecord,
  returnRecord,
  setRecord,
  stopRecord,
  whileRecord,
];

export const commands: ReadonlyMap<string, CommandRecord> = new Map(records.map((record) => [record.name, record]));
