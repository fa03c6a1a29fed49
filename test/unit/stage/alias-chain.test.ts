/** Where an alias leads: no further than there is an end, and never for ever. */
import { expect, test } from "vitest";
import { TemporaryError } from "../../../src/answer/temporary-error.ts";
import { follow } from "../../../src/stage/alias-chain.ts";

const chain = (length: number) => (address: string) => (Number(address) < length ? [String(Number(address) + 1)] : []);

test("a chain is followed to its end, wherever one begins", () => {
  for (const start of ["0", "50", "99"]) expect(follow(start, chain(100))).toEqual({ addresses: ["100"], loops: [] });
});

test("a rule that makes ever new addresses is no answer", () => {
  expect(() => follow("0", chain(Number.POSITIVE_INFINITY))).toThrow(TemporaryError);
});

test("so is a list of lists beyond all measure", () => {
  const twenty = (address: string) => (address.length > 4 ? [] : [..."abcdefghijklmnopqrst"].map((letter) => address + letter));
  expect(() => follow("", twenty)).toThrow(TemporaryError);
});

test("all ends once, in the order of the lists", () => {
  const lists: Readonly<Record<string, readonly string[]>> = { all: ["b", "team", "a"], team: ["c", "a", "team2"], team2: ["d", "b"] };
  expect(follow("all", (address) => lists[address] ?? [])).toEqual({ addresses: ["b", "c", "a", "d"], loops: [] });
});
