/** Which worker answers a policy request: always the same for one session, and the one that was asked when that one cannot. */
import { setImmediate as nextTick } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Answer } from "../../../src/answer/answer.ts";
import { type RoutedMessage, SessionRouting } from "../../../src/daemon/session-routing.ts";
import type { TimedReply } from "../../../src/frontend/connection/protocol.ts";
import { PolicyDecoder, type PolicyRequest } from "../../../src/wire/policy.ts";

function request(attributes: Readonly<Record<string, string>>): PolicyRequest {
  const decoder = new PolicyDecoder();
  const lines = Object.entries({ client_address: "203.0.113.1", ...attributes }).map(([name, value]) => `${name}=${value}\n`);
  decoder.push(Buffer.from(`${lines.join("")}\n`));
  const decoded = decoder.next();
  if (decoded === undefined) throw new Error("not a whole request");
  return decoded;
}

interface Worker {
  readonly routing: SessionRouting;
  readonly answer: (request: PolicyRequest) => Answer<TimedReply>;
  /** Recipients that it decided itself. */
  readonly decided: string[];
}

const listener = "smtp";

/** Each worker replies with its number and the recipient; `reply` can make it wait. */
function start(workers: number, reply: (text: string) => Answer<TimedReply> = (text) => ({ text, delayMs: 5 })) {
  const sent: { readonly from: number; readonly to: number; readonly message: RoutedMessage }[] = [];
  const up: boolean[] = [];
  const gone = new Set<number>();
  const all = new Map<number, Worker>();
  for (let worker = 1; worker <= workers; worker += 1) {
    const decided: string[] = [];
    const routing = new SessionRouting({
      worker,
      workers,
      // In the form that channels give to messages.
      send(to, message) {
        sent.push({ from: worker, to, message });
        if (gone.has(to)) return false;
        all.get(to)?.routing.take(worker, JSON.parse(JSON.stringify(message)));
        return true;
      },
      onAvailability: (_, isUp) => up.push(isUp),
    });
    const answer = routing.route(listener, ({ recipient }) => {
      decided.push(recipient);
      return reply(`${worker}:${recipient}`);
    });
    all.set(worker, { routing, answer, decided });
  }
  const worker = (number: number) => {
    const found = all.get(number);
    if (found === undefined) throw new Error(`no worker ${number}`);
    return found;
  };
  return { worker, all, sent, up, gone };
}

const workerOf = (reply: TimedReply) => Number(reply.text.split(":")[0]);

/** A client port whose sessions belong to that worker. */
async function portOf(owner: number, { worker }: ReturnType<typeof start>): Promise<string> {
  for (let port = 1; port < 1000; port += 1) {
    if (workerOf(await worker(1).answer(request({ client_port: String(port) }))) === owner) return String(port);
  }
  throw new Error(`no session belongs to worker ${owner}`);
}

describe("a session", () => {
  it.each([
    ["of a client's port", { client_port: "40000" }, { client_port: "40000", instance: "other", recipient: "b@b.example" }],
    ["of a message, without a port", { instance: "m1" }, { instance: "m1", client_port: "0", protocol_state: "RCPT" }],
  ])("%s is decided by one worker, whichever is asked", async (_, first, second) => {
    const { all } = start(3);
    const replies = await Promise.all([...all.values()].flatMap(({ answer }) => [answer(request(first)), answer(request(second))]));
    expect(new Set(replies.map(workerOf)).size).toBe(1);
    expect(new Set(replies.map(({ delayMs }) => delayMs))).toEqual(new Set([5]));
  });

  it("has another worker than others have, now and then", async () => {
    const { worker } = start(3);
    const owners: number[] = [];
    for (let port = 1; port <= 300; port += 1) owners.push(workerOf(await worker(1).answer(request({ client_port: String(port) }))));
    for (const owner of [1, 2, 3]) expect(owners.filter((one) => one === owner).length).toBeGreaterThan(50);
  });

  it("that belongs to the worker that is asked, or that nothing tells from others, is decided there and now", async () => {
    const workers = start(2);
    const own = await portOf(1, workers);
    workers.sent.length = 0;
    for (const attributes of [{ client_port: own }, {}, { client_port: "0" }]) {
      const answer = workers.worker(1).answer(request(attributes));
      expect(answer).not.toBeInstanceOf(Promise);
      expect(answer).toMatchObject({ text: "1:" });
    }
    expect(workers.sent).toEqual([]);
  });

  it("comes whole to its worker", async () => {
    const workers = start(2);
    const seen: PolicyRequest[] = [];
    workers.worker(2).routing.route(listener, (received) => {
      seen.push(received);
      return { text: "2:", delayMs: 0 };
    });
    const asked = request({ client_port: await portOf(2, workers), helo_name: "mx.example", sender: "ä@b.example", size: "10" });
    seen.length = 0;
    await workers.worker(1).answer(asked);
    expect(seen).toEqual([asked]);
  });
});

it("goes as one message a tick to another worker, and is answered by one", async () => {
  const workers = start(2);
  const client_port = await portOf(2, workers);
  workers.sent.length = 0;
  const recipients = ["a@b.example", "b@b.example", "c@b.example"];
  const replies = await Promise.all(recipients.map((recipient) => workers.worker(1).answer(request({ client_port, recipient }))));
  expect(replies.map(({ text }) => text)).toEqual(recipients.map((recipient) => `2:${recipient}`));
  expect(workers.sent.map(({ message }) => message.kind)).toEqual(["requests", "replies"]);
});

describe("the worker that was asked decides itself", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  });
  afterEach(() => {
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  it("when the other one has gone, before or meanwhile, until another takes its place", async () => {
    const workers = start(2, (text) => (isStuck && text.startsWith("2:") ? new Promise(() => {}) : { text, delayMs: 0 }));
    let isStuck = false;
    const client_port = await portOf(2, workers);
    const ask = (recipient: string) => workers.worker(1).answer(request({ client_port, recipient }));
    isStuck = true;
    const meanwhile = ask("meanwhile@b.example");
    await nextTick();
    workers.gone.add(2);
    workers.worker(1).routing.lose(2);
    expect(await meanwhile).toMatchObject({ text: "1:meanwhile@b.example" });
    expect(await ask("gone@b.example")).toMatchObject({ text: "1:gone@b.example" });
    workers.gone.clear();
    isStuck = false;
    expect(await ask("again@b.example")).toMatchObject({ text: "2:again@b.example" });
  });

  it("when the other one does not answer within 9 s, which is reported once", async () => {
    const replies: (() => void)[] = [];
    let isSlow = false;
    const workers = start(2, (text) => {
      if (!isSlow || !text.startsWith("2:")) return { text, delayMs: 0 };
      return new Promise((resolve) => replies.push(() => resolve({ text, delayMs: 0 })));
    });
    const client_port = await portOf(2, workers);
    const ask = (recipient: string) => workers.worker(1).answer(request({ client_port, recipient }));
    isSlow = true;
    const late = Promise.all([ask("a@b.example"), ask("b@b.example")]);
    await nextTick();
    vi.advanceTimersByTime(8999);
    expect(workers.worker(1).decided).not.toContain("a@b.example");
    vi.advanceTimersByTime(1);
    expect(await late).toMatchObject([{ text: "1:a@b.example" }, { text: "1:b@b.example" }]);
    expect(workers.up).toEqual([false]);
    // The late reply goes to nobody.
    for (const reply of replies) reply();
    isSlow = false;
    expect(await ask("c@b.example")).toMatchObject({ text: "2:c@b.example" });
    expect(workers.up).toEqual([false, true]);
  });

  it("when the other one has no such listener (yet)", async () => {
    const workers = start(2);
    const answer = workers.worker(1).routing.route("new", ({ recipient }) => ({ text: `1:${recipient}`, delayMs: 0 }));
    for (let port = 1; port <= 20; port += 1) {
      expect(await answer(request({ client_port: String(port), recipient: "a@b.example" }))).toMatchObject({ text: "1:a@b.example" });
    }
  });
});

it("gives a worker that took another's place none of the other's replies", async () => {
  const replies: (() => void)[] = [];
  const workers = start(2, (text) => new Promise((resolve) => replies.push(() => resolve({ text, delayMs: 0 }))));
  const previous: RoutedMessage[] = [];
  const successor: RoutedMessage[] = [];
  const routings = [previous, successor].map((sent) => {
    const routing = new SessionRouting({ worker: 1, workers: 2, send: (_, message) => sent.push(message) > 0, onAvailability: () => {} });
    return { routing, answer: routing.route(listener, () => ({ text: "1:", delayMs: 0 })) };
  });
  const ports = Array.from({ length: 20 }, (_, index) => String(index + 1));
  const asked = routings.map(({ answer }) => ports.map((client_port) => answer(request({ client_port, recipient: client_port }))));
  await nextTick();
  for (const message of previous) workers.worker(2).routing.take(1, message);
  await nextTick();
  for (const reply of replies) reply();
  await nextTick();
  await nextTick();
  for (const { to, message } of workers.sent) if (to === 1) routings[1]?.routing.take(2, message);
  routings[1]?.routing.lose(2);
  const answers = await Promise.all(asked[1] ?? []);
  expect(answers.map(({ text }) => text)).toEqual(ports.map(() => "1:"));
  routings[0]?.routing.lose(2);
});
