import { EventEmitter } from "node:events";
import { expect, it } from "vitest";
import { type Signal, Signals } from "../../../src/cli/signals.ts";

it("wait for who handles them, unless they are taken before", () => {
  const process = new EventEmitter();
  const signals = new Signals(process);
  for (const signal of ["SIGHUP", "SIGTERM"]) process.emit(signal);
  expect(signals.takeHeld()).toEqual(["SIGHUP", "SIGTERM"]);
  process.emit("SIGINT");
  const handled: Signal[] = [];
  signals.handle((signal) => handled.push(signal));
  process.emit("SIGHUP");
  expect(handled).toEqual(["SIGINT", "SIGHUP"]);
  expect(signals.takeHeld()).toEqual([]);
});
