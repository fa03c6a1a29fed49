/** What every store of state answers, whatever keeps it. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { GreylistQuestion } from "../../src/stage/state.ts";
import { allowedPasses, never } from "../../src/state/decide.ts";
import { MemoryState } from "../../src/state/memory.ts";
import type { GreylistEntry, ImportedEntry, StateStore } from "../../src/state/state-store.ts";
import { limitWaiting } from "../../src/state/waiting-limit.ts";
import { runs } from "../support/runs.ts";
import { greylistQuestion, start, throttleQuestion } from "../support/state-question.ts";

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
/** Opens an empty store. */
export function stateContract(
  name: string,
  open: () => Promise<{ readonly store: StateStore; reopen?(): Promise<StateStore>; close(): Promise<void> }>,
): void {
  describe(`state: ${name}`, () => {
    let opened: Awaited<ReturnType<typeof open>>;
    let store: StateStore;
    let number = 0;
    beforeAll(async () => {
      opened = await open();
      store = opened.store;
    });
    afterAll(async () => {
      await store.close();
      await opened.close();
    });

    /** Asks one triplet of its own at these times after `start`; `w` wait, `n` new wait, `p` pass, `f` first pass, `x` whitelisted. */
    async function asked(times: readonly number[], changes: Partial<GreylistQuestion> = {}): Promise<string> {
      const recipient = `r${++number}@example.net`;
      let answers = "";
      for (const time of times) {
        const answer = await store.greylist(greylistQuestion({ recipient, now: start + time, ...changes }));
        switch (answer.kind) {
          case "wait":
            answers += answer.isNew ? "n" : "w";
            break;
          case "pass":
            answers += answer.firstPass ? "f" : "p";
            break;
          case "whitelisted":
            answers += "x";
            break;
        }
      }
      return answers;
    }

    it.each<[what: string, times: readonly number[], answers: string, changes?: Partial<GreylistQuestion>]>([
      ["waits through the delay, then passes", [0, 1, 5 * minute - 1, 5 * minute, 6 * minute], "nwwfp"],
      ["starts again after the retry window", [0, 2 * day + 1, 2 * day + 2, 2 * day + 5 * minute + 1], "nnwf"],
      ["passes at the end of the retry window", [0, 2 * day], "nf"],
      ["passes as long as it is seen", [0, hour, 35 * day, 70 * day, 105 * day], "nfppp"],
      ["starts again after the lifetime", [0, hour, hour + 35 * day + 1], "nfn"],
      ["begins to wait now when a clock that was ahead wrote it", [30 * day, 0, 1, 5 * minute, 6 * minute], "nwwfp"],
      ["passes where there is no delay, though another node's clock is ahead", [1000, 0, 2000], "nfp", { delayMs: 0 }],
      ["keeps what has passed when a clock that was ahead is set right", [0, 30 * day, 30 * day + 5 * minute, 0, hour, 2 * hour], "nnfppp"],
      ["loses nothing by a clock that steps an hour either way", [0, 5 * minute, hour, 0, hour, 2 * hour, hour], "nfppppp"],
      ["lives from when it was last seen, which is written once an hour", [0, hour, 2 * hour - 1, hour + 35 * day + 1], "nfpn"],
      ["keeps entries that live less than an hour", [0, 10, 16, 22, 28], "nfppp", { delayMs: 10, lifetimeMs: 12 }],
      ["without a delay passes at once", [0, 0, 0], "nfp", { delayMs: 0 }],
      ["with a clock that goes back waits from then on", [0, -hour, 1 - hour, -1], "nwwf"],
    ])("%s", async (_, times, answers, changes) => {
      expect(await asked(times, changes)).toBe(answers);
    });

    it.each<[what: string, remembered: readonly number[], asked: number, answer: boolean]>([
      ["nobody is one who was not remembered", [], 0, false],
      ["at once", [0], 0, true],
      ["to the end of the lifetime", [0], 60 * day, true],
      ["no longer", [0], 60 * day + 1, false],
      ["from the last time", [0, 40 * day], 100 * day, true],
      ["from the last time that was written, at most an hour before", [0, hour - 1], 60 * day + hour, false],
      ["after the lifetime as at first", [0, 100 * day], 160 * day, true],
      ["from now on when a clock that was ahead wrote it", [100 * day, 0], 60 * day + 1, false],
    ])("correspondents: %s", async (what, remembered, asked, answer) => {
      const question = (time: number) => ({ key: what.slice(0, 22), now: start + time, lifetimeMs: 60 * day });
      for (const time of remembered) await store.remember(question(time));
      expect(await store.areCorrespondents(question(asked))).toBe(answer);
      expect(await store.areCorrespondents({ ...question(0), key: "others" })).toBe(false);
    });

    it("remembers many at once, and some of them twice", async () => {
      const question = (number: number) => ({ key: `many ${number}`, now: start, lifetimeMs: day });
      const { correspondents } = await store.stats(start);
      await Promise.all([1, 2, 3, 2, 1].map((number) => store.remember(question(number))));
      expect((await store.stats(start)).correspondents).toBe(correspondents + 3);
      expect(await Promise.all([1, 2, 3, 4].map((number) => store.areCorrespondents(question(number))))).toEqual([true, true, true, false]);
    });

    it("reports since when and how long", async () => {
      const question = (now: number) => greylistQuestion({ sender: "times@example.org", now: start + now });
      expect(await store.greylist(question(0))).toEqual({ kind: "wait", firstSeen: start, isNew: true });
      expect(await store.greylist(question(1000))).toEqual({ kind: "wait", firstSeen: start, isNew: false });
      expect(await store.greylist(question(400_000))).toEqual({ kind: "pass", firstPass: true, waitedMs: 400_000 });
      expect(await store.greylist(question(500_000))).toEqual({ kind: "pass", firstPass: false, waitedMs: 400_000 });
      expect(await store.triplet(question(0))).toEqual({
        firstSeen: start,
        lastSeen: start + 400_000,
        passed: start + 400_000,
        expires: start + 400_000 + 35 * day,
      });
    });

    it("keeps parts apart", async () => {
      for (const [client, sender] of [
        ["a", "b"],
        ["ab", ""],
        ["", "ab"],
      ] as const) {
        expect(await asked([0], { client, sender, recipient: "apart" })).toBe("n");
      }
    });

    it.each(['it\'s ? $1 \\ "é" {🙂},NULL', "NULL", "", " ", "a\0b", "\ud83d", "é".repeat(255)])("keeps %j", async (text) => {
      expect(await asked([0, 10 * minute], { client: `${text}1`, sender: text, recipient: text })).toBe("nf");
      expect(await store.throttle(throttleQuestion({ key: `text ${text}`, token: text }))).toEqual({ allowed: true, taken: 1 });
    });

    it("remembers no first attempt that is to begin nothing, and knows the others as ever", async () => {
      const question = (sender: string, now: number) => greylistQuestion({ recipient: "nothing", sender, now: start + now });
      const nothing = (sender: string, now: number) => ({ ...question(sender, now), beginsNothing: true as const });
      const first = [question("a", 0), nothing("b", 0), question("c", 0)];
      for (const answer of await Promise.all(first.map((each) => store.greylist(each))))
        expect(answer).toEqual({ kind: "wait", firstSeen: start, isNew: true });
      expect(await store.triplet(question("b", 0))).toBe(undefined);
      expect(await store.greylist(nothing("b", 10 * minute))).toEqual({ kind: "wait", firstSeen: start + 10 * minute, isNew: true });
      expect(await store.greylist(nothing("a", minute))).toMatchObject({ kind: "wait", isNew: false });
      expect(await store.greylist(nothing("a", 10 * minute))).toMatchObject({ kind: "pass", firstPass: true });
      expect(await store.greylist(nothing("c", 3 * day))).toMatchObject({ kind: "wait", isNew: true });
      expect(await store.greylist(question("c", 3 * day))).toMatchObject({ kind: "wait", isNew: true });
    });

    it("has no more entries of a client that waits than it may have, and lets the others in as those pass", async () => {
      const limited = limitWaiting(store);
      const client = "limited";
      const attempts = async (now: number) => {
        const kinds: string[] = [];
        for (const sender of ["a", "b", "c", "d", "e"]) {
          const { kind } = await limited.greylist(greylistQuestion({ client, sender, now: start + now, maxWaiting: 3 }));
          kinds.push(kind);
        }
        return kinds.join(" ");
      };
      const entries = async () => (await store.list({ client }, { limit: 100 })).map(({ sender }) => sender).join(" ");
      expect(await attempts(0)).toBe("wait wait wait wait wait");
      expect(await entries()).toBe("a b c");
      expect(await attempts(10 * minute)).toBe("pass pass pass wait wait");
      expect(await attempts(20 * minute)).toBe("pass pass pass pass pass");
    });

    it("whitelists an address by passes, one an hour at most", async () => {
      const autoWhitelist = { address: "198.51.100.1", passes: 3 };
      expect(await asked([0, 10 * minute, 20 * minute, 30 * minute, 65 * minute], { autoWhitelist })).toBe("nfppp");
      expect(await store.address(autoWhitelist.address)).toMatchObject({ passes: 1 });
      expect(await asked([90 * minute, 91 * minute, 100 * minute], { autoWhitelist })).toBe("nwf");
      expect(await asked([160 * minute, 170 * minute, 220 * minute, 230 * minute], { autoWhitelist })).toBe("nfxx");
      expect(await asked([231 * minute], { autoWhitelist })).toBe("x");
      expect(await asked([231 * minute], { autoWhitelist: { ...autoWhitelist, passes: undefined } })).toBe("n");
      expect(await asked([231 * minute + 35 * day], { autoWhitelist })).toBe("n");
    });

    it.each([
      [30, 20],
      [90, 50],
      [120, 70],
    ])("whitelists an address where entries live for %i minutes and one comes every %i", async (lifetime, every) => {
      const autoWhitelist = { address: `lives ${lifetime}`, passes: 2 };
      let answers = "";
      for (let time = 0; time < 10 * hour; time += every * minute)
        answers += (await asked([time, time], { autoWhitelist, delayMs: 0, lifetimeMs: lifetime * minute })) === "xx" ? "x" : ".";
      expect(answers).toMatch(/^\.{2,4}x+$/);
    });

    it("keeps what has passed as long as a host on the automatic whitelist sends it, for the other hosts of the client", async () => {
      const ask = async (address: string, time: number) =>
        (await store.greylist(greylistQuestion({ sender: "two hosts", now: start + time, autoWhitelist: { address, passes: 1 } }))).kind;
      const lastSeen = async () => ((await store.triplet(greylistQuestion({ sender: "two hosts" })))?.lastSeen ?? 0) - start;
      expect([await ask("198.51.100.3", 0), await ask("198.51.100.3", hour)]).toEqual(["wait", "pass"]);
      expect([await ask("198.51.100.3", 2 * hour - 1), await lastSeen()]).toEqual(["whitelisted", hour]);
      for (const time of [2 * hour, 20 * day, 40 * day])
        expect([await ask("198.51.100.3", time), await lastSeen()]).toEqual(["whitelisted", time]);
      expect(await ask("198.51.100.4", 75 * day)).toBe("pass");
    });

    it("writes no triplet of a host on the automatic whitelist that has not passed", async () => {
      const question = (time: number, address: string) =>
        greylistQuestion({ sender: "not passed", now: start + time, autoWhitelist: { address, passes: undefined } });
      await store.allow("198.51.100.5", start);
      expect(await store.greylist(question(0, "198.51.100.5"))).toEqual({ kind: "whitelisted" });
      expect(await store.triplet(question(0, ""))).toBe(undefined);
      await store.greylist(question(0, "198.51.100.6"));
      expect(await store.greylist(question(hour, "198.51.100.5"))).toEqual({ kind: "whitelisted" });
      expect(await store.triplet(question(0, ""))).toMatchObject({ lastSeen: start, passed: undefined });
      await store.forget("198.51.100.5");
    });

    it("passes what an administrator allowed until it is forgotten", async () => {
      const autoWhitelist = { address: "198.51.100.2", passes: undefined };
      await store.allow(autoWhitelist.address, start);
      expect(await asked([0, 1000 * day], { autoWhitelist })).toBe("xx");
      expect(await store.forget(autoWhitelist.address)).toBe(true);
      expect(await store.forget(autoWhitelist.address)).toBe(false);
      expect(await asked([0], { autoWhitelist })).toBe("n");

      const triplet = greylistQuestion({ sender: "allowed@example.org" });
      await store.allow(triplet, start);
      const { client, sender, recipient } = triplet;
      expect(await asked([0, 1000 * day, 2000 * day], { client, sender, recipient })).toBe("ppp");
      expect(await store.triplet(triplet)).toMatchObject({ expires: never });
      expect(await store.forget(triplet)).toBe(true);
      expect(await store.triplet(triplet)).toBe(undefined);
      expect(await asked([0], { client, sender, recipient })).toBe("n");
      await store.allow(triplet, start + 1000);
      expect(await store.triplet(triplet)).toEqual({ firstSeen: start, lastSeen: start + 1000, passed: start + 1000, expires: never });
      await store.forget(triplet);
    });

    it("counts in fixed windows on whole periods, and a refused question takes nothing", async () => {
      const begin = Math.ceil(start / hour) * hour;
      const at = (time: number) => store.throttle(throttleQuestion({ key: "fixed", now: begin + time }));
      expect([await at(-1), await at(0), await at(1), await at(2), await at(hour - 1), await at(hour)]).toEqual([
        { allowed: true, taken: 1 },
        { allowed: true, taken: 1 },
        { allowed: true, taken: 2 },
        { allowed: false, taken: 2 },
        { allowed: false, taken: 2 },
        { allowed: true, taken: 1 },
      ]);
    });

    it("counts in sliding windows as if the previous period had been even", async () => {
      const begin = Math.ceil(start / hour) * hour;
      const at = (time: number) => store.throttle(throttleQuestion({ key: "sliding", now: begin + time, window: "sliding", count: 4 }));
      for (const taken of [1, 2, 3, 4]) expect(await at(0)).toEqual({ allowed: true, taken });
      expect(await at(hour)).toEqual({ allowed: false, taken: 4 });
      expect(await at(1.25 * hour)).toEqual({ allowed: true, taken: 4 });
      expect(await at(1.25 * hour)).toEqual({ allowed: false, taken: 4 });
      expect(await at(1.5 * hour)).toEqual({ allowed: true, taken: 4 });
      expect(await at(3 * hour)).toEqual({ allowed: true, taken: 1 });
    });

    it.each([
      [1, 120],
      [2, 90],
      [4, 75],
      [10, 66],
    ])("a sliding window of an hour that %i have used up allows another when the clock has gone on to %i minutes", async (count, allowed) => {
      const begin = Math.ceil(start / hour) * hour;
      for (const burst of [0, minute, 59 * minute]) {
        const at = (time: number) =>
          store.throttle(throttleQuestion({ key: `burst ${count} ${burst}`, now: begin + time, window: "sliding", count }));
        for (let taken = 1; taken <= count; taken += 1) expect(await at(burst)).toEqual({ allowed: true, taken });
        for (const time of [59 * minute, hour, allowed * minute - 1]) expect(await at(time)).toEqual({ allowed: false, taken: count });
        expect(await at(allowed * minute)).toMatchObject({ allowed: true });
      }
    });

    it.each([
      ["fixed", 30 * day],
      ["sliding", 30 * day],
      ["fixed", hour],
      ["sliding", hour],
    ] as const)("refuses nothing for what a clock that was ahead counted, in %s windows, by %i ms", async (window, ahead) => {
      const begin = Math.ceil(start / hour) * hour;
      const at = (time: number) => store.throttle(throttleQuestion({ key: `${ahead} ${window}`, now: begin + time, window, count: 2 }));
      for (const time of [ahead, ahead]) expect(await at(time)).toMatchObject({ allowed: true });
      expect(await at(ahead)).toMatchObject({ allowed: false });
      expect(await at(0)).toEqual({ allowed: true, taken: 1 });
      expect(await at(1)).toEqual({ allowed: true, taken: 2 });
      expect(await at(2)).toEqual({ allowed: false, taken: 2 });
    });

    it("counts in the period of another node, whose clock is a little ahead", async () => {
      const begin = Math.ceil(start / hour) * hour;
      const at = (time: number) => store.throttle(throttleQuestion({ key: "two clocks", now: begin + time, count: 2 }));
      expect(await at(hour)).toEqual({ allowed: true, taken: 1 });
      expect(await at(hour - 30_000)).toEqual({ allowed: true, taken: 2 });
      expect(await at(hour + 1)).toEqual({ allowed: false, taken: 2 });
    });

    it("counts again what only a clock that was ahead has counted by its token", async () => {
      const at = (time: number) => store.throttle(throttleQuestion({ key: "ahead by token", token: "m", now: start + time, count: 2 }));
      expect(await at(30 * day)).toEqual({ allowed: true, taken: 1 });
      expect(await at(0)).toEqual({ allowed: true, taken: 1 });
      expect(await at(1)).toEqual({ allowed: true, taken: 1, isRepeat: true });
    });

    it("credits an address an hour after a clock that was ahead has", async () => {
      const autoWhitelist = { address: "192.0.2.77", passes: 3 };
      const pass = (time: number) => asked([time - 5 * minute, time], { autoWhitelist });
      expect(await pass(30 * day)).toBe("nf");
      expect(await pass(hour)).toBe("nf");
      expect(await pass(2 * hour)).toBe("nf");
      expect(await pass(3 * hour)).toBe("nf");
      expect(await pass(4 * hour)).toBe("xx");
    });

    it("counts a token once, and gives back what it took", async () => {
      const question = (token: string | undefined, time = 0) => throttleQuestion({ key: "tokens", token, now: start + time });
      expect(await store.throttle(question("1"))).toEqual({ allowed: true, taken: 1 });
      expect(await store.throttle(question("1", minute))).toEqual({ allowed: true, taken: 1, isRepeat: true });
      expect(await store.throttle(question("2"))).toEqual({ allowed: true, taken: 2 });
      expect(await store.throttle(question("3"))).toEqual({ allowed: false, taken: 2 });
      await store.giveBack(question("3"));
      expect(await store.throttle(question("3"))).toEqual({ allowed: false, taken: 2 });
      expect(await store.throttle(question("2"))).toEqual({ allowed: true, taken: 2, isRepeat: true });
      await store.giveBack(question("1"));
      await store.giveBack(question("1"));
      expect(await store.throttle(question("3"))).toEqual({ allowed: true, taken: 2 });
      expect(await store.throttle(question("1"))).toEqual({ allowed: false, taken: 2 });
      await store.giveBack(question(undefined));
      expect(await store.throttle(question("1"))).toEqual({ allowed: true, taken: 2 });
      expect(await store.throttle({ ...question("1"), key: "other" })).toEqual({ allowed: true, taken: 1 });
    });

    it("keeps nothing of questions that take nothing", async () => {
      const { throttles, tokens } = await store.stats(start);
      for (const token of [undefined, "1"]) {
        const question = throttleQuestion({ key: "looked at", count: 0, token });
        expect(await store.throttle(question)).toEqual({ allowed: false, taken: 0 });
        await store.giveBack(question);
      }
      expect(await store.stats(start)).toMatchObject({ throttles, tokens });
      // Of one that was reset, what was taken by a token stays taken by it.
      const taken = throttleQuestion({ key: "reset", token: "1" });
      await store.throttle(taken);
      await store.resetThrottles(["reset"]);
      expect(await store.throttle(taken)).toEqual({ allowed: true, taken: 0, isRepeat: true });
      expect(await store.listThrottles("rese", { limit: 9 })).toEqual([]);
      await store.giveBack(taken);
      expect(await store.throttle(taken)).toEqual({ allowed: true, taken: 1 });
      await store.giveBack(taken);
      await store.resetThrottles(["reset"]);
      expect(await store.stats(start)).toMatchObject({ throttles, tokens });
    });

    it("gives back to the period that it was taken from", async () => {
      const begin = Math.ceil(start / minute) * minute;
      const question = (token: string, time: number) =>
        throttleQuestion({ key: "previous", token, now: begin + time, periodMs: minute, window: "sliding" });
      expect(await store.throttle(question("1", minute - 1))).toEqual({ allowed: true, taken: 1 });
      expect(await store.throttle(question("2", minute - 1))).toEqual({ allowed: true, taken: 2 });
      expect(await store.throttle(question("3", minute))).toEqual({ allowed: false, taken: 2 });
      await store.giveBack(question("1", minute));
      expect(await store.throttle(question("3", minute))).toEqual({ allowed: true, taken: 2 });
    });

    it("answers many at once as one after the other", async () => {
      const questions = Array.from({ length: 1500 }, (_, index) => greylistQuestion({ sender: `many${index % 100}@example.org` }));
      const answers = await Promise.all(questions.map((question) => store.greylist(question)));
      expect(answers.filter((answer) => answer.kind === "wait" && answer.isNew)).toHaveLength(100);
      expect(new Set(answers.map(({ kind }) => kind))).toEqual(new Set(["wait"]));
      const throttled = await Promise.all(
        Array.from({ length: 1500 }, (_, index) => store.throttle(throttleQuestion({ key: `many${index % 3}`, count: 100 }))),
      );
      expect(throttled.filter(({ allowed }) => allowed)).toHaveLength(300);
      const tokens = await Promise.all(
        Array.from({ length: 1000 }, (_, index) =>
          store.throttle(throttleQuestion({ key: "many tokens", count: 100, token: `${index % 50}` })),
        ),
      );
      expect(tokens.at(-1)).toEqual({ allowed: true, taken: 50, isRepeat: true });
    });

    it("answers what random questions in any order are answered from memory", async () => {
      let run = 0;
      const subject = fc.record({ sender: fc.constantFrom("s1", "s2"), recipient: fc.constantFrom("r1", "r2") });
      const step = fc.oneof(
        { weight: 8, arbitrary: fc.record({ kind: fc.constant("greylist"), subject, address: fc.constantFrom("1", "2") }) },
        {
          weight: 4,
          arbitrary: fc.record({
            kind: fc.constantFrom("throttle", "giveBack"),
            key: fc.constantFrom("1", "2"),
            token: fc.constantFrom(undefined, "1", "2", "3"),
            window: fc.constantFrom<"fixed" | "sliding">("fixed", "sliding"),
          }),
        },
        { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("allow", "forget"), subject }) },
        { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("allow", "forget"), address: fc.constantFrom("1", "2") }) },
        { weight: 1, arbitrary: fc.record({ kind: fc.constant("expire") }) },
      );
      const pause = fc.constantFrom(0, 1, 999, minute, 5 * minute, 20 * minute, 40 * minute, hour, 11 * hour, 2 * day, 36 * day, -minute);
      const settings = fc.record({
        delayMs: fc.constantFrom(0, 5 * minute),
        lifetimeMs: fc.constantFrom(30 * minute, 12 * hour, 35 * day),
        passes: fc.constantFrom(undefined, 1, 2),
        periodMs: fc.constantFrom(1000, 7 * minute, hour),
        count: fc.nat(3),
      });
      await fc.assert(
        fc.asyncProperty(settings, fc.array(fc.tuple(step, pause), { maxLength: 40 }), async (options, steps) => {
          const memory: StateStore = new MemoryState();
          const prefix = `run ${++run}.`;
          let now = start;
          for (const [step, ms] of steps) {
            now += ms;
            const perform = async (state: StateStore): Promise<unknown> => {
              if ("token" in step) {
                const question = { ...options, ...step, key: prefix + step.key, now };
                return step.kind === "throttle" ? await state.throttle(question) : await state.giveBack(question);
              }
              if (step.kind === "greylist" && "subject" in step && "address" in step) {
                const autoWhitelist = { address: prefix + step.address, passes: options.passes };
                return await state.greylist({ ...greylistQuestion(), ...options, client: prefix, ...step.subject, now, autoWhitelist });
              }
              if (step.kind === "expire") {
                while (await state.expire(now, 1000));
                return undefined;
              }
              const subject = "subject" in step ? { client: prefix, ...step.subject } : "address" in step ? prefix + step.address : "";
              return step.kind === "allow" ? await state.allow(subject, now) : await state.forget(subject);
            };
            expect(await perform(store), JSON.stringify(step)).toEqual(await perform(memory));
          }
          expect(await store.list({ client: prefix }, { limit: 100 })).toEqual(await memory.list({ client: prefix }, { limit: 100 }));
          expect(await store.listAddresses(prefix, { limit: 100 })).toEqual(await memory.listAddresses(prefix, { limit: 100 }));
          for (const { client, sender, recipient } of await memory.list({}, { limit: 100 }))
            await store.forget({ client, sender, recipient });
          for (const { address } of await memory.listAddresses("", { limit: 100 })) await store.forget(address);
        }),
        { numRuns: runs(20) },
      );
    });

    it("lists page by page what fits a filter", async () => {
      for (const index of [0, 1, 2, 3, 4]) await asked(index < 2 ? [0] : [0, hour], { client: `list${index}`, sender: "List@Example.org" });
      const names = async (...[filter, page]: Parameters<StateStore["list"]>) =>
        (await store.list(filter, page)).map(({ client }) => client);
      expect(await names({ client: "list" }, { limit: 3 })).toEqual(["list0", "list1", "list2"]);
      const [, , last] = await store.list({ client: "list" }, { limit: 3 });
      expect(await names({ client: "list" }, { limit: 3, ...(last && { after: last }) })).toEqual(["list3", "list4"]);
      expect(await names({ client: "list", state: "waiting" }, { limit: 9 })).toEqual(["list0", "list1"]);
      expect(await names({ sender: "List@", state: "passed" }, { limit: 9 })).toEqual(["list2", "list3", "list4"]);
      expect(await names({ client: "list", recipient: "nobody" }, { limit: 9 })).toEqual([]);
      for (const address of ["list 3", "list 1", "list 2"]) await store.allow(address, start);
      const allowed = { passes: allowedPasses, seen: start, expires: never };
      expect(await store.listAddresses("list", { limit: 1, after: "list 1" })).toEqual([{ address: "list 2", ...allowed }]);
    });

    it("lists the entries of one client, page by page, and nothing of its neighbours", async () => {
      const client = "exact";
      const times = { passed: undefined, firstSeen: 1, lastSeen: 2, expires: start };
      const entry = (of: string, sender: string, recipient: string): ImportedEntry => ({
        kind: "triplet",
        client: of,
        sender,
        recipient,
        ...times,
      });
      const many = Array.from({ length: 2500 }, (_, index) => entry(client, "", `${index}`));
      const neighbours = ["exac", "exact\u0001", "exact.example", "exactly", "inexact", "exacs\u{10ffff}"].map((of) => entry(of, "", ""));
      await store.importEntries([...many, entry(client, "", ""), ...neighbours], start);
      const listed: string[] = [];
      for (let after: GreylistEntry | undefined; ; ) {
        const page = await store.list({ exactClient: client }, { limit: 1000, ...(after && { after }) });
        for (const each of page) listed.push(`${each.client} ${each.recipient}`);
        after = page.at(-1);
        if (page.length < 1000) break;
      }
      expect(listed).toEqual(["", ...many.keys()].map((recipient) => `exact ${recipient}`).toSorted());
      expect(await store.list({ exactClient: client, recipient: "2499" }, { limit: 9 })).toHaveLength(1);
      expect(await store.list({ exactClient: "exac" }, { limit: 9 })).toHaveLength(1);
      expect(await store.list({ exactClient: "exa" }, { limit: 9 })).toEqual([]);
      while (await store.expire(start + 1, 1000));
    });

    it("lists and counts an entry of which nothing is known, as a key without a client has for the null sender", async () => {
      const nothing = { client: "", sender: "", recipient: "" };
      const { waiting } = await store.stats(start);
      await store.greylist(greylistQuestion(nothing));
      expect(await store.list({}, { limit: 1 })).toMatchObject([nothing]);
      expect((await store.stats(start)).waiting).toBe(waiting + 1);
      await store.forget(nothing);
    });

    it("lists what is rare among many, and counts them all, in steps", async () => {
      const times = { passed: undefined, firstSeen: 1, lastSeen: 2, expires: start + day };
      const before = await store.stats(start);
      const entries = Array.from(
        { length: 5000 },
        (_, index): ImportedEntry => ({ kind: "triplet", client: "rare", sender: `${index}@example.org`, recipient: "", ...times }),
      );
      const addresses = Array.from(
        { length: 5000 },
        (_, index): ImportedEntry => ({ kind: "address", address: `rare ${index}`, passes: 1, seen: 3, expires: start + day }),
      );
      await store.importEntries([...entries, ...addresses], start);
      expect(await store.list({ sender: "4999@" }, { limit: 2 })).toMatchObject([{ sender: "4999@example.org" }]);
      expect((await store.listAddresses("rare 4", { limit: 600 })).at(-1)).toMatchObject({ address: "rare 4538" });
      expect(await store.listAddresses("rare 4999", { limit: 2 })).toMatchObject([{ address: "rare 4999" }]);
      expect(await store.stats(start)).toMatchObject({ waiting: before.waiting + 5000, addresses: before.addresses + 5000, oldest: 1 });
      while (await store.expire(start + 2 * day, 1000));
    });

    it("lists counters by what their keys begin with, and lets them begin again", async () => {
      for (const key of ["c", "b", "é🙂", "a"])
        for (const _ of key === "a" ? [1, 2] : [1]) await store.throttle(throttleQuestion({ key: `counter,${key}` }));
      await store.throttle(throttleQuestion({ key: "countes" }));
      const keys = async (...page: Parameters<StateStore["listThrottles"]>) => (await store.listThrottles(...page)).map(({ key }) => key);
      const [first] = await store.listThrottles("counter", { limit: 1 });
      expect(first).toMatchObject({ key: "counter,a", taken: 2, previous: 0 });
      expect(await keys("counter", { limit: 2, after: "counter,a" })).toEqual(["counter,b", "counter,c"]);
      expect(await keys("counter", { limit: 9, after: "counter,c" })).toEqual(["counter,é🙂"]);
      expect(await store.throttle(throttleQuestion({ key: "counter,a" }))).toMatchObject({ allowed: false });
      expect(await store.resetThrottles(["counter,a", "counter,é🙂", "counter,z"])).toBe(2);
      expect(await store.throttle(throttleQuestion({ key: "counter,a" }))).toEqual({ allowed: true, taken: 1 });
      expect(await keys("counter", { limit: 9 })).toEqual(["counter,a", "counter,b", "counter,c"]);
    });

    it("imports what is new, and what has passed over what waits", async () => {
      const times = { firstSeen: 1, lastSeen: 2, expires: start + day };
      const entry = (recipient: string, passed?: number) =>
        ({ kind: "triplet", client: "import", sender: "", recipient, passed, ...times }) satisfies ImportedEntry;
      const address = (passes: number) => ({ kind: "address", address: "import", passes, seen: 3, expires: start }) satisfies ImportedEntry;
      expect(await store.importEntries([entry("1"), entry("2", 2), address(3), address(2), entry("1", 2)], start)).toBe(4);
      expect(await store.importEntries([entry("1"), entry("1", 9), entry("3"), address(5)], start)).toBe(2);
      expect((await store.list({ client: "import" }, { limit: 9 })).map(({ recipient, passed }) => [recipient, passed])).toEqual([
        ["1", 2],
        ["2", 2],
        ["3", undefined],
      ]);
      expect(await store.address("import")).toEqual({ passes: 5, seen: 3, expires: start });
      const many = Array.from({ length: 1200 }, (_, index) => entry(`many${index}`));
      expect(await store.importEntries(many, start)).toBe(1200);
    });

    it("shortens no address by an import, and takes fewer passes from none", async () => {
      const known = { passes: 4, seen: start, expires: start + 35 * day };
      const entry = (changes: Partial<typeof known>): ImportedEntry => ({
        kind: "address",
        address: "twice imported",
        ...known,
        ...changes,
      });
      const imported = async (changes: Partial<typeof known>) => {
        const count = await store.importEntries([entry(changes)], start);
        return [count, await store.address("twice imported")];
      };
      expect(await imported({})).toEqual([1, known]);
      expect(await imported({})).toEqual([0, known]);
      expect(await imported({ passes: 3, seen: start - day, expires: start + day })).toEqual([0, known]);
      expect(await imported({ passes: 7, seen: start - 34 * day, expires: start + day })).toEqual([1, { ...known, passes: 7 }]);
      expect(await imported({ passes: 2, expires: start + 40 * day })).toEqual([1, { ...known, passes: 7, expires: start + 40 * day }]);
      await store.allow("twice imported", start);
      expect(await imported({})).toEqual([0, { passes: allowedPasses, seen: start, expires: never }]);
      await store.forget("twice imported");
    });

    it("takes what has expired for unknown when it is allowed or imported", async () => {
      const [client, sender, recipient] = ["192.0.2.0", "expired@example.org", "alice@example.org"];
      const question = (now: number) => ({ ...greylistQuestion(), client, sender, recipient, now: start + now });
      await store.greylist(question(0));
      await store.greylist(question(hour));
      const entry = { client, sender, recipient, passed: undefined, firstSeen: start + 40 * day, lastSeen: start + 40 * day };
      const later = { kind: "triplet", ...entry, expires: start + 42 * day } satisfies ImportedEntry;
      expect(await store.importEntries([later], start + day)).toBe(0);
      expect(await store.importEntries([later], later.lastSeen)).toBe(1);
      const known = { firstSeen: later.firstSeen, lastSeen: later.lastSeen, passed: undefined, expires: later.expires };
      expect(await store.triplet(later)).toEqual(known);
      const now = start + 50 * day;
      await store.allow({ client, sender, recipient }, now);
      expect(await store.triplet(later)).toEqual({ firstSeen: now, lastSeen: now, passed: now, expires: never });
      await store.forget({ client, sender, recipient });
      const address = { kind: "address", address: "expired", passes: 5, seen: start, expires: start + day } satisfies ImportedEntry;
      expect(await store.importEntries([address, { ...address, passes: 4 }], start)).toBe(1);
      expect(await store.importEntries([{ ...address, passes: 1, expires: now + day }], now)).toBe(1);
      await store.forget("expired");
    });

    it("has waited no time where a clock that was behind allowed it", async () => {
      const [client, sender, recipient] = ["192.0.2.0", "behind@example.org", "alice@example.org"];
      const question = (now: number) => ({ ...greylistQuestion(), client, sender, recipient, now: start + now });
      await store.greylist(question(0));
      await store.allow({ client, sender, recipient }, start - minute);
      for (const now of [0, 2 * hour, 36 * day])
        expect(await store.greylist(question(now))).toEqual({ kind: "pass", firstPass: false, waitedMs: 0 });
      await store.forget({ client, sender, recipient });
    });

    it("reports what it holds, and removes what is old in steps", async () => {
      const far = start + 10_000 * day;
      while (await store.expire(far, 100));
      const before = await store.stats(far);
      expect(before).toMatchObject({ waiting: 0, passed: 0, throttles: 0, tokens: 0, oldest: undefined });
      for (let index = 0; index < 250; index++) await asked(index < 100 ? [0] : [0, hour], { now: far, client: `${index}`, delayMs: 0 });
      await asked([0, 0], { now: far - 1, delayMs: 0 });
      await store.throttle(throttleQuestion({ now: far, token: "1" }));
      expect(await store.stats(far)).toMatchObject({ waiting: 100, passed: 151, throttles: 1, tokens: 1, oldest: far - 1 });
      let steps = 1;
      while (await store.expire(far + 3 * day, 100)) steps += 1;
      expect(steps).toBeGreaterThan(1);
      expect(await store.stats(far)).toMatchObject({ waiting: 0, passed: 151, throttles: 0, tokens: 0 });
      while (await store.expire(far + 100 * day, 100));
      expect(await store.stats(far)).toMatchObject({ waiting: 0, passed: 0, addresses: before.addresses });
      expect(before.addresses).toBe(before.allowedAddresses);
    });

    it("knows after a restart what it knew", async () => {
      if (opened.reopen === undefined) return;
      expect(await asked([0], { sender: "restart@example.org", recipient: "restart" })).toBe("n");
      await store.close();
      store = await opened.reopen();
      expect(await asked([1], { sender: "restart@example.org", recipient: "restart" })).toBe("w");
    });
  });
}
