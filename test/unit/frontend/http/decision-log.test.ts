/** The decisions that are kept, as they were made, and for those who read on from where they were. */
import fc from "fast-check";
import { expect, it } from "vitest";
import type { Decision } from "../../../../src/frontend/decision.ts";
import type { KeptDecision } from "../../../../src/frontend/http/api.ts";
import { DecisionLog, maxDecisions } from "../../../../src/frontend/http/decision-log.ts";
import { WrittenDecision } from "../../../../src/frontend/written-decision.ts";
import { aDecision } from "../../../support/http-place.ts";
import { runs } from "../../../support/runs.ts";

async function decisionsOf(portions: AsyncIterable<readonly string[]>): Promise<readonly KeptDecision[]> {
  const decisions: KeptDecision[] = [];
  for await (const texts of portions) for (const text of texts) decisions.push(JSON.parse(text));
  return decisions;
}

function logOf(count: number, max = 10) {
  const log = new DecisionLog("a", () => 0, max);
  const add = (more: number, decision = aDecision) => {
    for (let left = more; left > 0; left -= 1) log.add(new WrittenDecision(decision));
  };
  const page = async (limit: number, since?: Readonly<Record<string, number>>, filter = {}) => {
    const { texts, missed, mark } = await log.last(filter, limit, since);
    return { ids: (await decisionsOf(texts)).map(({ id }) => id), missed, mark };
  };
  add(count);
  return { add, page };
}

it("gives each decision once", async () => {
  const { add, page } = logOf(3);
  const { mark, ...first } = await page(2);
  expect(first).toEqual({ ids: ["a1", "a2"], missed: 0 });
  expect(await page(2, mark)).toEqual({ ids: [], missed: 0, mark });
  add(1);
  expect(await page(2, mark)).toEqual({ ids: ["a3"], missed: 0, mark: { a: 4 } });
});

it("says how many are left out, and how many were dropped meanwhile", async () => {
  const { add, page } = logOf(3);
  const { mark } = await page(2);
  add(5);
  expect(await page(2, mark)).toEqual({ ids: ["a6", "a7"], missed: 3, mark: { a: 8 } });
  add(10);
  expect(await page(2, mark)).toEqual({ ids: ["a16", "a17"], missed: 13, mark: { a: 18 } });
});

it("leaves out, with a filter, those that match and are too many, and those that nobody can look at any longer", async () => {
  const { add, page } = logOf(1);
  const { mark } = await page(2);
  add(3, { ...aDecision, stage: "ehlo" });
  add(4);
  expect(await page(2, mark, { stage: "ehlo" })).toEqual({ ids: ["a2", "a3"], missed: 1, mark: { a: 8 } });
  add(6);
  expect(await page(2, mark, { stage: "ehlo" })).toEqual({ ids: [], missed: 3, mark: { a: 14 } });
});

it("shows all of a process that whoever reads does not know", async () => {
  expect(await logOf(3).page(5, { b: 7 })).toEqual({ ids: ["a0", "a1", "a2"], missed: 0, mark: { a: 3 } });
});

it("says nothing wrong of those that come while it looks for others", async () => {
  const { add, page } = logOf(2000, 2000);
  const first = page(3000, { a: 0 }, { stage: "rcpt" });
  add(500);
  const { ids, missed, mark } = await first;
  expect(mark).toEqual({ a: 2000 });
  expect(ids).toEqual(Array.from({ length: 2000 - missed }, (_, index) => `a${missed + index}`));
  expect(missed).toBeGreaterThan(0);
  expect(await page(3000, mark, { stage: "rcpt" })).toMatchObject({ missed: 0, mark: { a: 2500 } });
});

const text = fc.string({ unit: "binary", maxLength: 30 });
const decision = fc.record<Decision>({
  ...{ event: fc.constant("decision"), listener: text, stage: fc.constantFrom("ehlo", "mail", "rcpt"), client: text, clientName: text },
  ...{ clientPort: fc.nat(65_535), serverPort: fc.nat(65_535), helo: text, tls: fc.boolean(), auth: text, sender: text, recipient: text },
  ...{ instance: text, verdict: fc.constantFrom("pass", "reject", "defer", "disconnect"), reply: text, reason: text },
  ...{ resolved: fc.array(text, { maxLength: 30 }), ms: fc.nat(1_000_000).map((microseconds) => microseconds / 1000) },
});

it("gives them as they were made, whatever strangers sent, to who asks and to who watches", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(decision, fc.option(text, { nil: undefined })), { minLength: 1, maxLength: 30 }), async (all) => {
      let now = Date.UTC(2026, 0, 1);
      const log = new DecisionLog("1-a-", () => now, 20);
      const watched: unknown[] = [];
      const stop = log.watch((json) => watched.push(JSON.parse(json)));
      const expected = all.map(([made, error], number) => {
        now += number;
        expect(log.add(new WrittenDecision(made, error))).toBe(now);
        const shown = { ...made, resolved: made.resolved.slice(0, 20), ...(error !== undefined && { error }) };
        return { id: `1-a-${number}`, time: new Date(now).toISOString(), ...shown };
      });
      stop();
      log.add(new WrittenDecision(aDecision));
      expect(watched).toEqual(expected);
      expect((await decisionsOf((await log.last({}, 20)).texts)).slice(0, -1)).toEqual(expected.slice(-19));
    }),
    { numRuns: runs(100) },
  );
});

it("keeps fewer of them where they are long", async () => {
  const log = new DecisionLog("", () => 0);
  const long = "\u{1f600}".repeat(115);
  const decisionOf = { ...aDecision, helo: long, sender: long, recipient: long, resolved: [long, long, long] };
  for (let number = 0; number < 6000; number += 1) log.add(new WrittenDecision(decisionOf, long));
  const kept = await decisionsOf((await log.last({}, maxDecisions)).texts);
  expect(kept.length).toBeGreaterThan(4000);
  expect(kept.length).toBeLessThan(6000);
  expect(kept.at(-1)).toEqual({ ...decisionOf, id: "5999", time: "1970-01-01T00:00:00.000Z", error: long });
});
