/** The table of all tests. */
import type { TestRecord } from "./record.ts";
import { currentdateTest, dateTest } from "./test-date.ts";
import { envelopeTest } from "./test-envelope.ts";
import { environmentTest } from "./test-environment.ts";
import { evalTest } from "./test-eval.ts";
import { ihaveTest } from "./test-ihave.ts";
import { validExtListTest } from "./test-list.ts";
import { allofTest, anyofTest, falseTest, notTest, trueTest } from "./test-logic.ts";
import { addressTest, existsTest, headerTest, sizeTest } from "./test-message.ts";
import { executeTest, queryTest } from "./test-query.ts";
import { stringTest } from "./test-string.ts";

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
