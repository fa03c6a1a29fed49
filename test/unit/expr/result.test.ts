import { describe, expect, test } from "vitest";
import { asBoolean, asConstant, asCount, asDuration, asString } from "../../../src/expr/result.ts";
import type { Value } from "../../../src/expr/value.ts";

const mixer = { constant: "mixer" };

test.each<[Value, boolean]>([
  [1, true],
  [0, false],
  ["", false],
  ["false", true],
  [[], false],
  [[0], true],
  [mixer, true],
])("%j as boolean is %j", (value, expected) => {
  expect(asBoolean(value)).toBe(expected);
});

test.each<[Value, string | undefined]>([
  ["a", "a"],
  ["", ""],
  [0, undefined],
  [5, undefined],
  [["a"], undefined],
  [mixer, undefined],
])("%j as text is %j", (value, expected) => {
  expect(asString(value)).toBe(expected);
});

test.each<[Value, number | undefined]>([
  [5000, 5000],
  [1.5, 1.5],
  [0, undefined],
  [-1, undefined],
  ["5s", 5000],
  ["2H", 7_200_000],
  ["250", 250],
  ["0s", undefined],
  ["", undefined],
  ["5 s", undefined],
  ["1h30m", undefined],
  ["99999999999999d", undefined],
  [[5], undefined],
  [mixer, undefined],
])("%j as duration is %j ms", (value, expected) => {
  expect(asDuration(value)).toBe(expected);
});

test.each<[Value, number | undefined]>([
  [3, 3],
  [0, 0],
  [3.9, 3],
  ["12", 12],
  ["3.9", 3],
  [-1, undefined],
  ["", undefined],
  ["many", undefined],
  [[3], undefined],
  [mixer, undefined],
])("%j as count is %j", (value, expected) => {
  expect(asCount(value)).toBe(expected);
});

describe("constants", () => {
  test.each<[Value, string | undefined]>([
    [mixer, "mixer"],
    ["mixer", "mixer"],
    ["MIXER", "mixer"],
    [{ constant: "other" }, undefined],
    ["", undefined],
    [0, undefined],
    [["mixer"], undefined],
  ])("%j is %j", (value, expected) => {
    expect(asConstant(value, ["mixer", "nsep"])).toBe(expected);
  });
});
