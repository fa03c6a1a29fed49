/** The table of all commands. */

import type { CommandRecord } from "../compile/definition.ts";
import { evalRecord, letRecord } from "./eval.ts";
import { elseRecord, elsifRecord, ifRecord } from "./if.ts";
import { globalRecord, includeRecord, returnRecord } from "./include.ts";
import { discardRecord, errorRecord, keepRecord, stopRecord } from "./keep.ts";
import { debugLogRecord, logRecord } from "./log.ts";
import { executeRecord, queryRecord } from "./query.ts";
import { ereject, reject } from "./reject.ts";
import { requireRecord } from "./require.ts";
import { setRecord } from "./set.ts";
import { breakRecord, continueRecord, whileRecord } from "./while.ts";

const records: readonly CommandRecord[] = [
  breakRecord,
  continueRecord,
  debugLogRecord,
  discardRecord,
  elseRecord,
  elsifRecord,
  ereject,
  errorRecord,
  evalRecord,
  executeRecord,
  globalRecord,
  ifRecord,
  includeRecord,
  keepRecord,
  letRecord,
  logRecord,
  queryRecord,
  reject,
  requireRecord,
  returnRecord,
  setRecord,
  stopRecord,
  whileRecord,
];

export const commands: ReadonlyMap<string, CommandRecord> = new Map(records.map((record) => [record.name, record]));
