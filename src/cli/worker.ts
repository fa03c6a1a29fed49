/** `postern worker`: what `postern serve` starts when `server.workers` is above 1. */
import { Command } from "commander";
import { runWorker } from "../daemon/worker.ts";

export function workerCommand(): Command {
  return new Command("worker").action(() => {
    if (process.send === undefined) {
      process.stderr.write("postern serve starts its workers by itself: set server.workers\n");
      process.exitCode = 2;
    } else runWorker();
  });
}
