import { describe, expect, test } from "vitest";
import { AnswerCache, asList, maxKeyOctets, octetsPerAnswer } from "../../../src/answer/answer-cache.ts";

const found = (value: readonly string[]) => ({ value, exists: true, freshUntil: 1, staleUntil: 2 });
const madeUp = (value: readonly string[]) => ({ ...found(value), isMadeUp: true });
const missing = { value: [], exists: false, freshUntil: 1, staleUntil: 1 };
const entries = 100;
const open = () => new AnswerCache(entries, asList);
const count = 2000;

describe("however many there are and however long", () => {
  const long = "x".repeat(10_000);
  test.each<[string, (index: number) => string, ((index: number) => readonly string[])?]>([
    ["short keys of nothing", (index) => `${index}`],
    ["the longest keys of nothing", (index) => `${index}`.padEnd(maxKeyOctets, "x")],
    ["keys of three octets a character", (index) => `${index} ${"中".repeat(300)}`],
    ["longer keys of nothing", (index) => `${index} ${long}`],
    ["short answers", (index) => `${index}`, (index) => [`${index}`]],
    ["long answers", (index) => `${index}`, () => [long, long]],
    ["too long answers", (index) => `${index}`, () => [long.repeat(10)]],
    ["long answers of three octets a character", (index) => `${index}`, () => ["中".repeat(3000)]],
  ])("%s are bounded in number and in octets", (_, keyOf, answerOf) => {
    const cache = open();
    for (let index = 0; index < count; index += 1) cache.set(keyOf(index), answerOf === undefined ? missing : found(answerOf(index)));
    expect(cache.octets).toBeLessThanOrEqual(entries * octetsPerAnswer + open().octets);
    const kept = Array.from({ length: count }, (__, index) => cache.get(keyOf(index))).filter((answer) => answer !== undefined);
    expect(kept.length).toBeLessThanOrEqual(entries);
  });
});

test("what does not exist pushes out nothing that does, and the other way round", () => {
  const cache = open();
  cache.set("john", found(["john"]));
  cache.set("nobody", missing);
  for (let index = 0; index < count; index += 1) cache.set(`made-up ${index}`, missing);
  expect([cache.get("john"), cache.get("nobody")]).toEqual([found(["john"]), undefined]);
  cache.set("nobody", missing);
  for (let index = 0; index < count; index += 1) cache.set(`account ${index}`, found(["x"]));
  expect([cache.get("john"), cache.get("nobody")]).toEqual([undefined, missing]);
});

test("what is made up pushes out nothing else, has a room of its own, and is bounded", () => {
  const cache = open();
  const { octets } = cache;
  cache.set("john", found(["john"]));
  cache.set("nobody", missing);
  for (let index = 0; index < count; index += 1) cache.set(`john+${index}`, madeUp(["john"]));
  expect([cache.get("john"), cache.get("nobody")]).toEqual([found(["john"]), missing]);
  const kept = Array.from({ length: count }, (_, index) => cache.get(`john+${index}`)).filter((answer) => answer !== undefined);
  expect(kept.at(-1)).toEqual(madeUp(["john"]));
  expect(kept.length).toBeLessThanOrEqual(entries / 4);
  for (let index = 0; index < count; index += 1) cache.set(`nobody ${index}`, missing);
  expect(cache.fresh(`john+${count - 1}`, 0)).toEqual(["john"]);
  for (let index = 0; index < count; index += 1) cache.set(`account ${index}`.padEnd(maxKeyOctets, "x"), madeUp(["x".repeat(400)]));
  expect(cache.octets).toBeLessThanOrEqual(octets + 1.25 * entries * octetsPerAnswer);
});

test("only the last answer counts, whatever it was", () => {
  const cache = open();
  const last = [found(["1"]), missing, found(["2"]), missing, madeUp(["4"]), found([]), madeUp(["5"]), missing, madeUp([]), found(["3"])];
  for (const answer of last) {
    cache.set("a", answer);
    expect(cache.get("a")).toEqual(answer);
  }
});

test("a later answer that is too long is not kept, and the previous one is gone", () => {
  const cache = open();
  cache.set("a", found(["1"]));
  cache.set("a", found(["x".repeat(entries * octetsPerAnswer)]));
  expect(cache.get("a")).toBeUndefined();
});

test("with no entries nothing is kept", () => {
  const cache = new AnswerCache(0, asList);
  cache.set("a", found(["1"]));
  cache.set("b", missing);
  expect([cache.get("a"), cache.get("b"), cache.octets]).toEqual([undefined, undefined, 0]);
});
