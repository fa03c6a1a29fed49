/** State that another process holds: every question gets its own answer, in few messages, or a TemporaryError. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setImmediate as nextTick } from "node:timers/promises";
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { TemporaryError } from "../../../src/answer/temporary-error.ts";
import { type Answered, type Asked, answerQuestions, RemoteQuestions } from "../../../src/daemon/remote-questions.ts";
import { askState, remoteState, type StateAnswer, type StateQuestion } from "../../../src/daemon/remote-state.ts";
import type { GreylistQuestion, State, ThrottleAnswer, ThrottleQuestion } from "../../../src/stage/state.ts";
import { MemoryState } from "../../../src/state/memory.ts";
import { runs } from "../../support/runs.ts";

const throttle: ThrottleQuestion = { key: "1", now: 1_000_000, count: 100, periodMs: 3_600_000, window: "fixed", token: undefined };
const triplet: GreylistQuestion = {
  client: "192.0.2.0",
  sender: "a@b.example",
  recipient: "john@example.org",
  now: 1_000_000,
  delayMs: 300_000,
  retryWindowMs: 172_800_000,
  lifetimeMs: 3_024_000_000,
  autoWhitelist: { address: "192.0.2.1", passes: undefined },
  maxWaiting: 10,
};

const deadlineMs = 20_000;

/** Both sides, with what passed between them in the form that a channel gives it. */
function connected(state: State) {
  const asked: (readonly Asked<StateQuestion>[])[] = [];
  const answered: (readonly Answered<StateAnswer>[])[] = [];
  const answer = answerQuestions(
    (question: StateQuestion) => askState(state, question),
    (outcomes) => {
      answered.push(outcomes);
      questions.take(JSON.parse(JSON.stringify(outcomes)));
    },
  );
  const states: boolean[] = [];
  const questions = new RemoteQuestions<StateQuestion, StateAnswer>({
    process: "primary process",
    send(questions) {
      asked.push(questions);
      answer(JSON.parse(JSON.stringify(questions)));
    },
    deadlineMs: () => deadlineMs,
    onAvailability: (_, up) => states.push(up),
  });
  return { remote: remoteState((question) => questions.ask(question)), asked, answered, states, lose: () => questions.lose() };
}

/** Answers when the test says so, each throttle by the number in its key. */
class SlowState implements State {
  readonly waiting: { readonly key: string; answer(): void }[] = [];

  throttle({ key }: ThrottleQuestion): Promise<ThrottleAnswer> {
    return new Promise((resolve) => this.waiting.push({ key, answer: () => resolve({ allowed: true, taken: Number(key) }) }));
  }

  greylist = () => ({ kind: "whitelisted" as const });
  giveBack = () => {};
  remember = () => {};
  areCorrespondents = () => false;
}

describe("what is asked", () => {
  it("goes as one message a tick, and each question gets its own answer, whichever comes first", async () => {
    const ticks = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(ticks, fc.infiniteStream(fc.nat()), async (sizes, choices) => {
        const state = new SlowState();
        const { remote, asked } = connected(state);
        let key = 0;
        const answers: Promise<ThrottleAnswer>[] = [];
        for (const size of sizes) {
          for (let n = 0; n < size; n += 1) {
            answers.push(remote.throttle({ ...throttle, key: `${key}` }));
            key += 1;
          }
          await nextTick();
          await nextTick();
          // Some are answered between ticks.
          if ((choices.next().value ?? 0) % 2 === 0) state.waiting.splice(0, 1)[0]?.answer();
        }
        expect(asked.map(({ length }) => length)).toEqual(sizes);
        while (state.waiting.length > 0) state.waiting.splice((choices.next().value ?? 0) % state.waiting.length, 1)[0]?.answer();
        expect((await Promise.all(answers)).map(({ taken }) => taken)).toEqual(answers.map((_, index) => index));
      }),
      { numRuns: runs(50) },
    );
  });

  it("is answered in one message when the answers come together", async () => {
    const { remote, answered } = connected(new MemoryState());
    await Promise.all([remote.throttle(throttle), remote.greylist(triplet), remote.giveBack(throttle), remote.throttle(throttle)]);
    expect(answered.map(({ length }) => length)).toEqual([4]);
  });

  it("is answered as the state itself would answer", async () => {
    const question = fc.oneof(
      fc.record({
        kind: fc.constant("greylist" as const),
        now: fc.nat(1_000_000),
        recipient: fc.constantFrom("a@b.example", "c@d.example"),
      }),
      fc.record({
        kind: fc.constantFrom("throttle" as const, "giveBack" as const),
        now: fc.nat(1_000_000),
        key: fc.constantFrom("1", "2"),
        token: fc.constantFrom(undefined, "x", "y"),
      }),
      fc.record({
        kind: fc.constantFrom("remember" as const, "areCorrespondents" as const),
        now: fc.nat(1_000_000),
        key: fc.constantFrom("1", "2"),
        lifetimeMs: fc.constant(1000),
      }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(question, { maxLength: 20 }), async (questions) => {
        const { remote } = connected(new MemoryState());
        const direct = new MemoryState();
        const askAll = (state: State) =>
          Promise.all(
            questions.map(async (one) => {
              if (one.kind === "greylist") return state.greylist({ ...triplet, now: one.now, recipient: one.recipient });
              if ("lifetimeMs" in one) return state[one.kind](one);
              const { kind, ...varied } = one;
              return state[kind]({ ...throttle, count: 2, ...varied });
            }),
          );
        expect(await askAll(remote)).toEqual(await askAll(direct));
      }),
      { numRuns: runs(50) },
    );
  });

  it("counts once over several processes that ask the same", async () => {
    const state = new MemoryState();
    const remotes = [connected(state).remote, connected(state).remote];
    const ask = (token: string) => Promise.all(remotes.map((remote) => remote.throttle({ ...throttle, token })));
    expect(await ask("one")).toEqual([
      { allowed: true, taken: 1 },
      { allowed: true, taken: 1, isRepeat: true },
    ]);
    expect((await ask("two")).map(({ taken }) => taken)).toEqual([2, 2]);
  });
});

describe("what goes wrong", () => {
  const failing = (error: unknown): State => {
    const fail = () => {
      throw error;
    };
    return { greylist: fail, throttle: fail, giveBack: async () => fail(), remember: fail, areCorrespondents: fail };
  };

  it("a TemporaryError stays one", async () => {
    const { remote } = connected(failing(new TemporaryError("the disk is full")));
    for (const answer of [remote.throttle(throttle), remote.greylist(triplet), remote.giveBack(throttle)]) {
      const error = await answer.catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(TemporaryError);
      expect(error).toHaveProperty("message", "the disk is full");
    }
  });

  it("a bug is reported with its stack", async () => {
    const { remote } = connected(failing(new RangeError("no such row")));
    const error = await remote.throttle(throttle).catch((reason: unknown) => reason);
    expect(error).not.toBeInstanceOf(TemporaryError);
    expect(error).toHaveProperty("message", expect.stringMatching(/^RangeError: no such row\n.*remote-state\.test\.ts/s));
  });

  it("nothing waits for a process that has gone", async () => {
    const state = new SlowState();
    const { remote, asked, lose } = connected(state);
    const sent = remote.throttle(throttle);
    await nextTick();
    const unsent = remote.throttle(throttle);
    lose();
    const later = remote.throttle(throttle);
    for (const answer of [sent, unsent, later]) await expect(answer).rejects.toBeInstanceOf(TemporaryError);
    await nextTick();
    expect(asked.length).toBe(1);
    // A late answer harms nobody.
    for (const { answer } of state.waiting) answer();
    await nextTick();
  });

  it("nothing waits for ever for a process that does not answer, and its late answer harms nobody", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const state = new SlowState();
      const { remote, states } = connected(state);
      const answers = Promise.allSettled([remote.throttle({ ...throttle, key: "1" }), remote.throttle({ ...throttle, key: "2" })]);
      await nextTick();
      vi.advanceTimersByTime(deadlineMs - 1);
      const later = remote.throttle({ ...throttle, key: "3" });
      await nextTick();
      vi.advanceTimersByTime(1);
      const reason = expect.any(TemporaryError);
      expect(await answers).toEqual([1, 2].map(() => ({ status: "rejected", reason })));
      expect(states).toEqual([false]);
      for (const { answer } of state.waiting) answer();
      expect(await later).toEqual({ allowed: true, taken: 3 });
      expect(states).toEqual([false, true]);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("over real processes", () => {
  const source = (name: string) => JSON.stringify(new URL(`../../../src/daemon/${name}`, import.meta.url).href);
  const program = `
    import { RemoteQuestions } from ${source("remote-questions.ts")};
    import { remoteState } from ${source("remote-state.ts")};
    const send = (questions) => process.send({ questions });
    const questions = new RemoteQuestions({ process: "parent", send, deadlineMs: () => 20_000, onAvailability: () => {} });
    const state = remoteState((question) => questions.ask(question));
    process.on("message", ({ outcomes, ask }) => {
      if (outcomes) questions.take(outcomes);
      if (ask) Promise.all(ask.map((question) => state.throttle(question))).then((answers) => process.send({ answers }));
    });
    process.send({ ready: true });`;

  function start(state: State): { child: ChildProcess; next(key: string): Promise<unknown> } {
    const child = spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    const answer = answerQuestions(
      (question: StateQuestion) => askState(state, question),
      (outcomes) => child.send({ outcomes }, () => {}),
    );
    const said = new Map<string, { value: Promise<unknown>; resolve(value: unknown): void }>();
    for (const key of ["ready", "answers"]) {
      const { promise: value, resolve } = Promise.withResolvers<unknown>();
      said.set(key, { value, resolve });
    }
    child.on("message", (message: Record<string, unknown>) => {
      // What the program above sends.
      if (message.questions) answer(message.questions as readonly Asked<StateQuestion>[]);
      for (const [key, value] of Object.entries(message)) said.get(key)?.resolve(value);
    });
    return { child, next: async (key) => said.get(key)?.value };
  }

  it("a throttle of 100 lets 100 through, though two processes ask at once", async () => {
    const state = new MemoryState();
    const processes = [start(state), start(state)];
    try {
      await Promise.all(processes.map(({ next }) => next("ready")));
      for (const [index, { child }] of processes.entries()) {
        child.send({ ask: Array.from({ length: 80 }, (_, n) => ({ ...throttle, token: `${index}.${n}` })) });
      }
      // What the program above sends.
      const answers = (await Promise.all(processes.map(({ next }) => next("answers")))).flat() as ThrottleAnswer[];
      expect(answers.length).toBe(160);
      expect(answers.filter(({ allowed }) => allowed).length).toBe(100);
    } finally {
      for (const { child } of processes) {
        child.kill("SIGKILL");
        await once(child, "exit");
      }
    }
  });
});
