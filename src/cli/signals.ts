/** The signals of a process that serves. It takes them before it loads anything, since they would end it; they wait for who handles them. */
import type { EventEmitter } from "node:events";

const taken = ["SIGHUP", "SIGINT", "SIGTERM"] as const;

export type Signal = (typeof taken)[number];

export class Signals {
  #held: Signal[] = [];
  #handle = (signal: Signal): void => {
    this.#held.push(signal);
  };

  /** `undefined`: there are none. */
  constructor(process: EventEmitter | undefined) {
    for (const signal of taken) process?.on(signal, () => this.#handle(signal));
  }

  /** Those that wait, which wait no longer. */
  takeHeld(): readonly Signal[] {
    return this.#held.splice(0);
  }

  /** Those that wait, and all that come. */
  handle(handle: (signal: Signal) => void): void {
    this.#handle = handle;
    for (const signal of this.takeHeld()) handle(signal);
  }
}
