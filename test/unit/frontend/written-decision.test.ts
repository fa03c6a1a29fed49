/** However long its texts are, a decision is one line that a pipe takes whole, and says how many addresses it leaves out. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { createLogger, logLine } from "../../../src/daemon/log.ts";
import { logDecision } from "../../../src/daemon/log-lines.ts";
import { reportDecision } from "../../../src/frontend/decision.ts";
import { WrittenDecision } from "../../../src/frontend/written-decision.ts";
import { pass } from "../../../src/stage/refuse.ts";
import { session } from "../../support/session.ts";

interface Texts {
  readonly helo: string;
  readonly sender: string;
  readonly recipient: string;
  readonly instance: string;
  readonly login: string;
  readonly resolved: readonly string[];
}

const usual: Texts = {
  helo: "mx.client.example",
  sender: "ann@client.example",
  recipient: "staff@example.org",
  instance: "1.1",
  login: "",
  resolved: ["john@example.org"],
};

function lineOf(texts: Partial<Texts>, format: "json" | "text" = "json"): string {
  const { login, ...decided } = { ...usual, ...texts };
  let written = "";
  const write = (line: string) => {
    written = logLine(line, format);
  };
  const logger = createLogger({ level: "info", fields: { worker: 12 }, write, clock: () => 0 });
  const onDecision = (decision: ConstructorParameters<typeof WrittenDecision>[0]) =>
    logDecision(logger, new WrittenDecision(decision, `store "pg": ${decided.helo}`));
  const at = { listener: "smtp", stage: "rcpt", ms: 1, verdict: pass("list"), isShadow: false } as const;
  reportDecision({ onDecision, onNotice: () => {} }, { ...at, ...decided, session: session({ login }) });
  return written;
}

const members = (count: number) => Array.from({ length: count }, (_, number) => `member${number}@example.org`);

test("a short list is logged whole", () => {
  const line = JSON.parse(lineOf({ resolved: members(20) }));
  expect(line.resolved).toEqual(members(20));
  expect(line).not.toHaveProperty("resolvedCount");
});

test("of a long list its first members and their number are logged", () => {
  expect(JSON.parse(lineOf({ resolved: members(9000) }))).toMatchObject({ resolved: members(20), resolvedCount: 9000 });
});

test.each([
  ["as text", "漢".repeat(505)],
  ["as what JSON escapes", '"\\'.repeat(500)],
  ["as characters of four octets", "\u{1f4a9}".repeat(300)],
])("what is long is cut, %s", (_, text) => {
  const line = JSON.parse(
    lineOf({ helo: text, sender: text, recipient: text, instance: text, login: text, resolved: Array(30).fill(text) }),
  );
  expect(text.startsWith(line.recipient.slice(0, -1))).toBe(true);
  expect(line.recipient.endsWith("…")).toBe(true);
  expect(line).toMatchObject({ verdict: "pass", reason: "list", client: "203.0.113.9", resolvedCount: 30 });
});

test("a pipe takes each line whole", () => {
  const text = fc.oneof(
    fc.string({ unit: "binary", maxLength: 700 }),
    fc.string({ unit: fc.constantFrom('"', "\\", "漢", "\u202e", "\0", "\ud800"), minLength: 400, maxLength: 700 }),
  );
  const texts = fc.record({ ...{ helo: text, sender: text, recipient: text, instance: text, login: text }, resolved: fc.array(text) });
  fc.assert(
    fc.property(texts, fc.constantFrom("json" as const, "text" as const), (each, format) => {
      expect(Buffer.byteLength(`${lineOf(each, format)}\n`)).toBeLessThanOrEqual(4096);
    }),
  );
});
