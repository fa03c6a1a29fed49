/** A worker as the primary process sees it, with a child process that sends only what the test makes it send. */
import type { ChildProcess } from "node:child_process";
import { EventEmitter } from "node:events";
import { Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { WorkerProcess, type WorkerProcessOptions } from "../../../src/daemon/worker-process.ts";

it("counts no connection as closed twice when a message comes after the end", () => {
  const child = new EventEmitter();
  Object.assign(child, { pid: 1, send: () => true });
  let closed = 0;
  const worker = new WorkerProcess({
    // What a worker process asks of its child is above.
    child: child as ChildProcess,
    onQuestions: () => {},
    onObserved: () => {},
    onTally: () => {},
    onRemark: () => {},
    onCalled: () => {},
    onDecisions: () => {},
    onRefused: () => {},
    onUntaken: () => {},
    onClosed: (_, count) => {
      closed += count;
    },
    onEnd: () => {},
  });
  for (const socket of [new Socket(), new Socket()]) {
    worker.give({ listener: "smtp", socket, mustMakeRoom: false });
    child.emit("message", { kind: "taken" });
  }
  expect(worker.load).toBe(2);
  child.emit("message", { kind: "closed", listener: "smtp" });
  child.emit("exit", null, "SIGKILL");
  child.emit("message", { kind: "closed", listener: "smtp" });
  expect(closed).toBe(2);
});

/** A worker with a child process that keeps what is sent to it. */
function start(watched: Partial<WorkerProcessOptions> = {}) {
  const child = new EventEmitter();
  const sent: { readonly kind: string }[] = [];
  Object.assign(child, { pid: 1, send: (message: { readonly kind: string }) => sent.push(message) });
  // What a worker process asks of its child is above.
  const options = {
    child: child as ChildProcess,
    onQuestions: () => {},
    onObserved: () => {},
    onTally: () => {},
    onRemark: () => {},
    onCalled: () => {},
    onDecisions: () => {},
    onRefused: () => {},
    onUntaken: () => {},
    onClosed: () => {},
    onEnd: () => {},
  };
  onTestFinished(() => void child.emit("exit", null, "SIGTERM"));
  return { child, sent, worker: new WorkerProcess({ ...options, ...watched }) };
}

it("is given one socket after the other, a channel before connections, and it is said when the channel is taken", () => {
  const { child, sent, worker } = start();
  let taken = 0;
  const onTaken = () => {
    taken += 1;
  };
  for (const _ of "ab") worker.give({ listener: "smtp", socket: new Socket(), mustMakeRoom: false });
  worker.connect({ worker: 2, socket: new Socket(), onTaken });
  expect(sent).toMatchObject([{ kind: "connection" }]);
  child.emit("message", { kind: "taken" });
  expect(sent.slice(1)).toEqual([{ kind: "channel", worker: 2 }]);
  expect(taken).toBe(0);
  child.emit("message", { kind: "taken" });
  child.emit("message", { kind: "taken" });
  expect(sent.slice(2)).toMatchObject([{ kind: "connection" }]);
  expect(taken).toBe(1);
});

it("closes a channel that it was not given when it ends, so that the worker at its other end hears of it", () => {
  const { child, worker } = start();
  const socket = new Socket();
  worker.give({ listener: "smtp", socket: new Socket(), mustMakeRoom: false });
  worker.connect({ worker: 2, socket, onTaken: () => {} });
  child.emit("exit", null, "SIGKILL");
  expect(socket.destroyed).toBe(true);
});

it("says why it could not be started", async () => {
  // As Node leaves it when no more files may be open.
  const child = Object.assign(new EventEmitter(), { kill: () => false });
  // What a worker process asks of its child is above.
  const options = {
    child: child as ChildProcess,
    onQuestions: () => {},
    onObserved: () => {},
    onTally: () => {},
    onRemark: () => {},
    onCalled: () => {},
    onDecisions: () => {},
    onRefused: () => {},
    onUntaken: () => {},
    onClosed: () => {},
    onEnd: () => {},
  };
  const configured = new WorkerProcess(options).configure({
    kind: "configure",
    file: "",
    text: "",
    texts: [],
    options: {},
    worker: 1,
    workers: 2,
  });
  child.emit("error", new Error("spawn EMFILE"));
  expect(await configured).toBe("it has ended (spawn EMFILE)");
});

describe("a worker that gives no sign of life", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  /** `answers`: what it sends when it is asked for one. */
  function start(answers: () => object | undefined) {
    const child = new EventEmitter();
    const killed: string[] = [];
    const ends: string[] = [];
    const send = ({ kind }: { readonly kind: string }) => {
      const answer = kind === "beat" ? answers() : undefined;
      if (answer !== undefined) child.emit("message", answer);
    };
    const kill = (signal: string) => {
      killed.push(signal);
      child.emit("exit", null, signal);
    };
    Object.assign(child, { pid: 1, send, kill });
    // What a worker process asks of its child is above.
    const options = {
      child: child as ChildProcess,
      onQuestions: () => {},
      onObserved: () => {},
      onTally: () => {},
      onRemark: () => {},
      onCalled: () => {},
      onDecisions: () => {},
      onRefused: () => {},
      onUntaken: () => {},
      onClosed: () => {},
    };
    const worker = new WorkerProcess({ ...options, onEnd: (how) => ends.push(how) });
    const configure = () => worker.configure({ kind: "configure", file: "", text: "", texts: [], options: {}, worker: 1, workers: 2 });
    const configured = configure();
    const serve = async () => {
      child.emit("message", { kind: "configured" });
      await configured;
    };
    return { killed, ends, configure, configured, serve };
  }

  const seconds = (count: number) => vi.advanceTimersByTimeAsync(count * 1000);

  it("is ended", async () => {
    const { killed, ends, serve } = start(() => undefined);
    await serve();
    await seconds(19);
    expect(killed).toEqual([]);
    await seconds(1);
    expect([killed, ends]).toEqual([["SIGKILL"], ["no answer for 15 s"]]);
    await seconds(60);
    expect(killed.length).toBe(1);
  });

  it.each(["alive", "taken"])("is not ended when it sends something (%s), though late", async (kind) => {
    let asked = 0;
    const { killed, serve } = start(() => (++asked % 3 === 0 ? { kind } : undefined));
    await serve();
    await seconds(600);
    expect(killed).toEqual([]);
  });

  it("has longer while it loads a configuration", async () => {
    const { killed, ends, configure, serve } = start(() => undefined);
    await serve();
    const configured = configure();
    await seconds(64);
    expect(killed).toEqual([]);
    await seconds(1);
    expect([killed, ends]).toEqual([["SIGKILL"], ["no answer for 60 s"]]);
    expect(await configured).toBe("it has ended (no answer for 60 s)");
  });

  it("has longest before it serves, when others start as well", async () => {
    const { killed, configured } = start(() => undefined);
    await seconds(124);
    expect(killed).toEqual([]);
    await seconds(1);
    expect(killed).toEqual(["SIGKILL"]);
    expect(await configured).toBe("it has ended (no answer for 120 s)");
  });

  it("may load for as long as it lives", async () => {
    const { killed } = start(() => ({ kind: "alive" }));
    await seconds(3600);
    expect(killed).toEqual([]);
  });
});

describe("a socket that does not reach the worker", () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  const connection = (listener: string) => ({ listener, socket: new Socket(), mustMakeRoom: false });
  const beats = (sent: readonly { readonly kind: string }[]) => sent.filter(({ kind }) => kind === "beat").length;

  it("is closed when a sign of life comes that follows it, and those that wait for the worker are given back", () => {
    const left: string[] = [];
    const closed: string[] = [];
    const { child, sent, worker } = start({
      onUntaken: (connections) => left.push(...connections.map(({ listener }) => listener)),
      onClosed: (listener) => closed.push(listener),
    });
    for (const listener of ["first", "second"]) worker.give(connection(listener));
    vi.advanceTimersByTime(99);
    expect(beats(sent)).toBe(0);
    vi.advanceTimersByTime(1);
    expect(beats(sent)).toBe(1);
    child.emit("message", { kind: "alive" });
    expect({ closed, left, load: worker.load }).toEqual({ closed: ["first"], left: ["second"], load: 0 });
    expect(worker.refusedAt(connection("third"))).not.toBe(0);
    worker.give(connection("third"));
    expect(sent.at(-1)).toMatchObject({ kind: "connection", listener: "third" });
    child.emit("message", { kind: "taken" });
    vi.advanceTimersByTime(1000);
    expect(closed).toEqual(["first"]);
  });

  it("is not closed when the worker is late, nor by a sign of life that it was asked for before", () => {
    const closed: string[] = [];
    const { child, sent, worker } = start({ onClosed: (listener) => closed.push(listener) });
    vi.advanceTimersByTime(4999);
    worker.give(connection("smtp"));
    vi.advanceTimersByTime(1000);
    expect(beats(sent)).toBe(2);
    child.emit("message", { kind: "alive" });
    child.emit("message", { kind: "taken" });
    child.emit("message", { kind: "alive" });
    expect(closed).toEqual([]);
  });
});
