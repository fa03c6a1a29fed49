/** Requests that come while their work is under way. */
import { expect, it } from "vitest";
import { joined } from "../../../src/daemon/joined.ts";

function start() {
  const runs: PromiseWithResolvers<void>[] = [];
  const request = joined(() => {
    const run = Promise.withResolvers<void>();
    runs.push(run);
    return run.promise;
  });
  return { runs, request };
}

const endOf = async (run: PromiseWithResolvers<void> | undefined) => {
  run?.resolve();
  await new Promise(setImmediate);
};

it.each([0, 1, 2, 60])("%i requests during a run lead to at most one more", async (more) => {
  const { runs, request } = start();
  request();
  for (let n = 0; n < more; n += 1) request();
  expect(runs.length).toBe(1);
  await endOf(runs[0]);
  const expected = more === 0 ? 1 : 2;
  expect(runs.length).toBe(expected);
  await endOf(runs[1]);
  expect(runs.length).toBe(expected);
});

it("a request after the last run starts another, and one during the second run, too", async () => {
  const { runs, request } = start();
  request();
  await endOf(runs[0]);
  request();
  expect(runs.length).toBe(2);
  request();
  await endOf(runs[1]);
  expect(runs.length).toBe(3);
});
