/** Which sessions are remembered, and how many. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { type SessionEntry, SessionMemory } from "../../../../src/frontend/policy/session-memory.ts";
import { SmtpSession } from "../../../../src/stage/smtp-session.ts";
import { hashedKey } from "../../../../src/text/hashed-key.ts";

const peer = {
  listener: "smtp",
  client: { address: "192.0.2.1", name: "", port: 1 },
  server: { address: "", port: 25 },
  trusted: false,
} as const;

function session(): SessionEntry {
  return { smtp: new SmtpSession(peer), logged: undefined, underWay: undefined, lastSeen: 0, octets: 0, generation: undefined };
}

test("sessions stay within their limit, and half of it, those of the last requests, are there", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 300 }), (numbers) => {
      const memory = new SessionMemory({ sessions: 20, octets: 1_000_000 });
      const last = new Set<string>();
      for (const number of numbers) {
        const key = `${number}`;
        const known = memory.find(hashedKey(key), 0);
        if (last.has(key) && [...last].reverse().indexOf(key) < 9) expect(known).toBeDefined();
        const entry = known ?? session();
        if (known === undefined) memory.add(hashedKey(key), entry, "");
        memory.weigh(entry);
        last.delete(key);
        last.add(key);
        expect(memory.size).toBeLessThanOrEqual(20);
      }
    }),
  );
});

test("octets are those of the sessions that are there", () => {
  const memory = new SessionMemory({ sessions: 10, octets: 1_000_000 });
  const entries = Array.from({ length: 30 }, session);
  entries.forEach((entry, index) => {
    memory.add(hashedKey(`${index}`), entry, "");
    memory.weigh(entry);
  });
  const kept = entries.filter((_, index) => memory.find(hashedKey(`${index}`), 0) !== undefined);
  expect(kept.length).toBeGreaterThanOrEqual(5);
  // One that is no longer there weighs nothing.
  for (const entry of entries) memory.weigh(entry);
  expect(memory.octets).toBe(kept.reduce((sum, { octets }) => sum + octets, 0));
  for (const index of entries.keys()) memory.end(hashedKey(`${index}`));
  expect([memory.size, memory.octets]).toEqual([0, 0]);
});

test("what connections have left is forgotten", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(4), fc.nat(2)), { maxLength: 200 }), (requests) => {
      const memory = new SessionMemory({ sessions: 100_000, octets: 1_000_000_000 });
      const counts = [0, 0, 0, 0, 0];
      for (const [connection, step] of requests) {
        const before = `${connection} ${counts[connection]}`;
        // Step 0: the next client.
        if (step === 0) counts[connection] = (counts[connection] ?? 0) + 1;
        const key = `${connection} ${counts[connection]}`;
        if (key !== before) memory.leave(hashedKey(before), "");
        if (memory.find(hashedKey(key), 0) === undefined) memory.add(hashedKey(key), session(), "");
        expect(memory.size).toBeLessThanOrEqual(counts.length);
      }
    }),
  );
});

test("a session that goes on after it was left is kept from then on, as are others", () => {
  const memory = new SessionMemory({ sessions: 20, octets: 1_000_000 });
  const turn = (to: string, from: string) => {
    memory.leave(hashedKey(from), "");
    const known = memory.find(hashedKey(to), 0);
    if (known === undefined) memory.add(hashedKey(to), session(), "");
    return known !== undefined;
  };
  memory.add(hashedKey("a"), session(), "");
  expect(turn("b", "a")).toBe(false);
  // It is found out.
  expect(turn("a", "b")).toBe(false);
  expect(turn("b", "a")).toBe(false);
  expect([turn("a", "b"), turn("b", "a"), turn("c", "b"), turn("b", "c")]).toEqual([true, true, false, true]);
  for (let index = 0; index < 10; index += 1) memory.add(hashedKey(`other ${index}`), session(), "");
  memory.add(hashedKey("d"), session(), "");
  expect([turn("e", "d"), turn("d", "e")]).toEqual([false, true]);
});
