/** What several processes remark is logged once. */
import { expect, test } from "vitest";
import { loggedOnce, remarks } from "../../../src/daemon/remarks.ts";
import { SayOnce } from "../../../src/frontend/say-once.ts";

const hourMs = 3_600_000;

test("a remark is logged by the first that makes it, and again when it may be, though all wait for as long", () => {
  let now = 0;
  const lines: unknown[] = [];
  const write = (level: string) => (fields: object, text: string) => lines.push([level, fields, text]);
  const say = loggedOnce(
    { info: write("info"), warn: write("warn"), error: write("error") },
    new SayOnce(Number.POSITIVE_INFINITY, () => now),
  );
  const workers = [1, 2].map((worker) => ({ worker, remarks: remarks((remark) => say(JSON.parse(JSON.stringify(remark)))) }));
  const all = () => {
    for (const { worker, remarks: own } of workers) {
      own.about("an address").warn({ worker }, "never again");
      own.about("a script", hourMs).error({ worker }, "hourly");
      // The messages of processes take their time.
      now += 10;
    }
  };
  all();
  now = hourMs;
  all();
  expect(lines).toEqual([
    ["warn", { worker: 1 }, "never again"],
    ["error", { worker: 1 }, "hourly"],
    ["error", { worker: 1 }, "hourly"],
  ]);
});
