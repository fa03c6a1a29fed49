/** The table of all tests. */

import { evalTest } from "../commands/eval.ts";
import { executeTest, queryTest } from "../commands/query.ts";
import type { TestRecord } from "../compile/definition.ts";
import { currentdateTest, dateTest } from "./date.ts";
import { envelopeTest } from "./envelope.ts";
import { environmentTest } from "./environment.ts";
import { ihaveTest, validExtListTest } from "./ihave.ts";
import { allofTest, anyofTest, falseTest, notTest, trueTest } from "./logic.ts";
import { addressTest, existsTest, headerTest, sizeTest } from "./message.ts";
import { stringTest } from "./string.ts";

const records: readonly TestRecord[] = [
  addressTest,
  allofTest,
  anyofTest,
  currentdateTest,
  dateTest,
  envelopeTest,
  environmentTest,
  evalTest,
  executeTest,
  existsTest,
  falseTest,
  headerTest,
  ihaveTest,
  notTest,
  queryTest,
  sizeTest,
  stringTest,
  trueTest,
  validExtListTest,
];

export const tests: ReadonlyMap<string, TestRecord> = new Map(records.map((record) => [record.name, record]));
