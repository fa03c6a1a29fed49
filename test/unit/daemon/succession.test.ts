/** What a reload leaves open, and for how long. */
import { setImmediate } from "node:timers/promises";
import { expect, it } from "vitest";
import { Succession } from "../../../src/daemon/succession.ts";

function start() {
  const closed: string[] = [];
  return {
    closed,
    succession: new Succession<string>(async (one) => {
      closed.push(one);
    }),
  };
}

it("serves by the next one when it is prepared, and closes one that nothing was asked at once", async () => {
  const { closed, succession } = start();
  await succession.change("first");
  let during: string | undefined;
  await succession.change("second", async () => {
    during = succession.current;
  });
  expect([during, succession.current]).toEqual(["first", "second"]);
  expect(closed).toEqual(["first"]);
});

it("closes a previous one with the last question that it was asked, however many reloads later", async () => {
  const { closed, succession } = start();
  await succession.change("first");
  const [one, two] = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
  const answers = [succession.use((current) => one.promise.then((text) => `${text} by ${current}`)), succession.use(() => two.promise)];
  await succession.change("second");
  const three = Promise.withResolvers<string>();
  const last = succession.use(() => three.promise);
  await succession.change("third");
  one.resolve("one");
  expect(await answers[0]).toBe("one by first");
  expect(closed).toEqual([]);
  three.resolve("three");
  await last;
  expect(closed).toEqual(["second"]);
  two.reject(new Error("two"));
  await expect(answers[1]).rejects.toThrow("two");
  expect(closed).toEqual(["second", "first"]);
});

it("waits for no question that was answered at once, or failed at once", async () => {
  const { closed, succession } = start();
  await succession.change("first");
  expect(succession.use((current) => current)).toBe("first");
  const fail = () => {
    throw new Error("no");
  };
  expect(() => succession.use(fail)).toThrow("no");
  await succession.change("second");
  expect(closed).toEqual(["first"]);
});

it("is settled when all that served before is closed", async () => {
  const { closed, succession } = start();
  await succession.settled();
  await succession.change("first");
  const question = Promise.withResolvers<string>();
  const answer = succession.use(() => question.promise);
  await succession.change("second");
  let isSettled = false;
  const settled = succession.settled().then(() => {
    isSettled = true;
  });
  await setImmediate();
  expect([isSettled, closed]).toEqual([false, []]);
  question.resolve("answered");
  await Promise.all([answer, settled]);
  expect(closed).toEqual(["first"]);
});

it("closes what could not be prepared, and leaves all as it was", async () => {
  const { closed, succession } = start();
  await succession.change("first");
  const failing = succession.change("second", () => Promise.reject(new Error("no")));
  await expect(failing).rejects.toThrow("no");
  expect([succession.current, closed]).toEqual(["first", ["second"]]);
});

it("closes each once in the end, whatever is still asked", async () => {
  const { closed, succession } = start();
  const answers: Promise<void>[] = [];
  const question = Promise.withResolvers<void>();
  for (const one of ["first", "second", "third"]) {
    await succession.change(one);
    answers.push(Promise.resolve(succession.use(() => question.promise)));
  }
  await succession.close();
  question.resolve();
  await Promise.all(answers);
  expect(closed.toSorted()).toEqual(["first", "second", "third"]);
});

it("has nothing to close when the first one failed", async () => {
  const { closed, succession } = start();
  await expect(succession.change("first", () => Promise.reject(new Error("no")))).rejects.toThrow("no");
  await succession.close();
  expect(closed).toEqual(["first"]);
  expect(() => succession.current).toThrow("nothing serves yet");
});
