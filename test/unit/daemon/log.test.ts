/** What a stranger sent may be in any field of a line, and never acts on the terminal or the program that reads the log. */
import fc from "fast-check";
import { pino } from "pino";
import { expect, test, vi } from "vitest";
import { createLogger, logLine } from "../../../src/daemon/log.ts";
import { isLogged, logDecision } from "../../../src/daemon/log-lines.ts";
import { WrittenDecision } from "../../../src/frontend/written-decision.ts";
import { aDecision } from "../../support/http-place.ts";

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
    // In all not as long as what is cut.
    resolved: fc.array(text, { maxLength: 5 }),
    instance: text,
  });
  fc.assert(
    fc.property(fields, (some) => {
      const decision = { ...aDecision, ...some };
      reference.info(decision);
      logDecision(logger, new WrittenDecision(decision));
      expect(own.pop()).toBe(plain.pop());
    }),
  );
  logger.level = "warn";
  logDecision(logger, new WrittenDecision(aDecision));
  expect(own).toEqual([]);
});

test("the time is that of the line", () => {
  let now = 0;
  const lines: string[] = [];
  const logger = createLogger({ level: "info", fields: {}, clock: () => now, write: (line) => lines.push(line.trimEnd()) });
  for (now of [0, 0, 1, 60_000]) {
    logDecision(logger, new WrittenDecision(aDecision));
    logger.info({ event: "stop" });
  }
  const times = ["00:00.000", "00:00.000", "00:00.001", "01:00.000"];
  expect(lines).toEqual(
    times.flatMap((time) =>
      [aDecision, { event: "stop" }].map((fields) => JSON.stringify({ level: "info", time: `1970-01-01T00:${time}Z`, ...fields })),
    ),
  );
});

test("other characters stay as they are", () => {
  const json = `${JSON.stringify({ level: "info", msg: "übertragen", sender: "用户@例え.example", count: 3 })}\n`;
  expect(logLine(json, "json")).toBe(json.trimEnd());
  expect(logLine(json, "text")).toBe("info übertragen sender=用户@例え.example count=3");
});

const decision = {
  level: "info",
  time: "2009-02-13T23:31:30.123Z",
  event: "decision",
  stage: "rcpt",
  sender: "info rcpt pass mailbox: x",
  verdict: "reject",
  reason: "spf",
};
const pairs = 'event=decision stage=rcpt sender="info rcpt pass mailbox: x"';

test.each([
  [decision, "other", `${decision.time} info rcpt reject spf: ${pairs} verdict=reject reason=spf`],
  [decision, "journal", `<6>info rcpt reject spf: ${pairs} verdict=reject reason=spf`],
  [
    { ...decision, verdict: "pass", would: "reject" },
    "other",
    `${decision.time} info rcpt would-reject spf: ${pairs} verdict=pass reason=spf would=reject`,
  ],
  [
    decision,
    "terminal",
    `\u001b[2m${decision.time}\u001b[22m \u001b[31minfo\u001b[39m \u001b[31mrcpt reject spf:\u001b[39m \u001b[2m${pairs} verdict=reject reason=spf\u001b[22m`,
  ],
] as const)("a decision as text begins with what was decided: %j to %s", (fields, to, line) => {
  vi.stubEnv("FORCE_COLOR", "1");
  expect(logLine(`${JSON.stringify(fields)}\n`, "text", to)).toBe(line);
  vi.unstubAllEnvs();
});

test.each([
  ["all", ["ehlo pass", "rcpt pass", "mail reject", "mail would"]],
  ["recipients", ["rcpt pass", "mail reject", "mail would"]],
  ["refused", ["mail reject", "mail would"]],
  ["none", []],
] as const)("decisions = %s", (decisions, expected) => {
  const each = {
    "ehlo pass": { stage: "ehlo", verdict: "pass" },
    "rcpt pass": { stage: "rcpt", verdict: "pass" },
    "mail reject": { stage: "mail", verdict: "reject" },
    "mail would": { stage: "mail", verdict: "pass", would: "reject" },
  } as const;
  const logged = Object.entries(each).flatMap(([name, one]) => (isLogged(one, decisions) ? [name] : []));
  expect(logged).toEqual(expected);
});

test.each([
  ["error", "<3>"],
  ["warn", "<4>"],
  ["info", "<6>"],
  ["debug", "<7>"],
])("the journal is told that a line is of the level %s: %s", (level, priority) => {
  const json = `${JSON.stringify({ level, msg: "hello" })}\n`;
  expect(logLine(json, "json", "journal")).toBe(priority + json.trimEnd());
  expect(logLine(json, "text", "journal")).toBe(`${priority}${level} hello`);
});
