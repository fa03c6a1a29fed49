/** A worker as the primary process sees it, with a child process that sends only what the test makes it send. */
import type { ChildProcess } from "node:child_process";
import { EventEmitter } from "node:events";
import { Socket } from "node:net";
import { expect, it } from "vitest";
import { WorkerProcess } from "../../../src/daemon/worker-process.ts";

it("counts no connection as closed twice when a message comes after the end", () => {
  const child = new EventEmitter();
  Object.assign(child, { pid: 1, send: () => true });
  let closed = 0;
  const worker = new WorkerProcess({
    // What a worker process asks of its child is above.
    child: child as ChildProcess,
    onQuestions: () => {},
    onRouted: () => {},
    onRefused: () => {},
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
