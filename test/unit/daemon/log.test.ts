/** What a stranger sent may be in any field of a line, and never acts on the terminal or the program that reads the log. */
import { expect, test } from "vitest";
import { logLine } from "../../../src/daemon/log.ts";

const range = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, index) => String.fromCodePoint(first + index));
const orders = [
  ...range(0x00, 0x1f),
  ...range(0x7f, 0x9f),
  ...["\u061c", "\u200e", "\u200f", "\u2028", "\u2029"],
  ...range(0x202a, 0x202e),
  ...range(0x2066, 0x2069),
];
const hostile = `x${orders.join("ü")}"=`;

/** A decision, a notice, an error of a source and its stack: texts in each place that a line has. */
const lines: readonly Readonly<Record<string, unknown>>[] = [
  { level: "info", event: "decision", sender: hostile, resolved: [hostile, "a@b.example"] },
  { level: "warn", event: "script", error: hostile, msg: "script stopped by an error" },
  { level: "error", event: "worker", msg: `configuration not applied: ${hostile}` },
  { level: "error", event: "internal-error", error: { message: hostile, [hostile]: { [hostile]: [[hostile]] } } },
];

test.each(lines)("no field of a line can act: %j", (fields) => {
  const json = `${JSON.stringify(fields)}\n`;
  for (const line of [logLine(json, "json"), logLine(json, "text")]) {
    expect(orders.filter((order) => line.slice(0, -1).includes(order))).toEqual([]);
    expect(line.endsWith("\n")).toBe(true);
  }
  expect(JSON.parse(logLine(json, "json"))).toEqual(fields);
});

test("other characters stay as they are", () => {
  const json = `${JSON.stringify({ level: "info", msg: "übertragen", sender: "用户@例え.example", count: 3 })}\n`;
  expect(logLine(json, "json")).toBe(json);
  expect(logLine(json, "text")).toBe("info übertragen sender=用户@例え.example count=3\n");
});

test.each([
  ["error", "<3>"],
  ["warn", "<4>"],
  ["info", "<6>"],
  ["debug", "<7>"],
])("the journal is told that a line is of the level %s: %s", (level, priority) => {
  const json = `${JSON.stringify({ level, msg: "hello" })}\n`;
  expect(logLine(json, "json", true)).toBe(priority + json);
  expect(logLine(json, "text", true)).toBe(`${priority}${level} hello\n`);
});
