/** What a stranger sent may be in any field of a line, and never acts on the terminal or the program that reads the log. */
import fc from "fast-check";
import { pino } from "pino";
import { expect, test } from "vitest";
import { createLogger, logLine } from "../../../src/daemon/log.ts";

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
    expect(orders.filter((order) => line.includes(order))).toEqual([]);
  }
  expect(JSON.parse(logLine(json, "json"))).toEqual(fields);
});

test("a decision is written as pino writes it", () => {
  const plain: string[] = [];
  const own: string[] = [];
  const options = { level: "info", fields: { worker: 2 }, clock: () => 1_234_567_890_123 } as const;
  const timestamp = () => ',"time":"2009-02-13T23:31:30.123Z"';
  const formatters = { level: (label: string) => ({ level: label }) };
  const reference = pino({ base: options.fields, timestamp, formatters }, { write: (line) => plain.push(line.trimEnd()) });
  const logger = createLogger({ ...options, write: (line) => own.push(line.trimEnd()) });
  const text = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom(hostile, "x".repeat(200))).map((one) => one.toWellFormed());
  const fields = fc.record({
    ms: fc.double(),
    tls: fc.boolean(),
    sender: text,
    resolved: fc.array(text),
    would: fc.option(text, { nil: undefined }),
  });
  fc.assert(
    fc.property(fields, (some) => {
      for (const one of [reference, logger]) one.info({ event: "decision", ...some });
      expect(own.pop()).toBe(plain.pop());
    }),
  );
  logger.level = "warn";
  logger.info({ event: "decision" });
  expect(own).toEqual([]);
});

test("the time is that of the line", () => {
  let now = 0;
  const lines: string[] = [];
  const logger = createLogger({ level: "info", fields: {}, clock: () => now, write: (line) => lines.push(line.trimEnd()) });
  for (now of [0, 0, 1, 60_000]) for (const fields of [{ event: "decision" }, { event: "stop" }]) logger.info(fields);
  const times = ["00:00.000", "00:00.000", "00:00.001", "01:00.000"];
  expect(lines).toEqual(
    times.flatMap((time) => ["decision", "stop"].map((event) => JSON.stringify({ level: "info", time: `1970-01-01T00:${time}Z`, event }))),
  );
});

test("other characters stay as they are", () => {
  const json = `${JSON.stringify({ level: "info", msg: "übertragen", sender: "用户@例え.example", count: 3 })}\n`;
  expect(logLine(json, "json")).toBe(json.trimEnd());
  expect(logLine(json, "text")).toBe("info übertragen sender=用户@例え.example count=3");
});

test.each([
  ["error", "<3>"],
  ["warn", "<4>"],
  ["info", "<6>"],
  ["debug", "<7>"],
])("the journal is told that a line is of the level %s: %s", (level, priority) => {
  const json = `${JSON.stringify({ level, msg: "hello" })}\n`;
  expect(logLine(json, "json", true)).toBe(priority + json.trimEnd());
  expect(logLine(json, "text", true)).toBe(`${priority}${level} hello`);
});
