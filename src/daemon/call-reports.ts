/** What the administrator should know of how the MTA asks: each thing once, by what all processes together are asked. */
import { aboutCall, type CalledListener, callProblems, sumOfCalled } from "../frontend/calls.ts";
import { SayOnce } from "../frontend/say-once.ts";
import type { Settings } from "../stage/stage-settings.ts";
import type { Logger } from "./log.ts";
import { logCallProblem } from "./log-lines.ts";

export class CallReports {
  readonly #logger: Logger;
  readonly #said = new SayOnce();
  /** By the number of the worker. */
  readonly #called = new Map<number, readonly CalledListener[]>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** `called`: what the listeners of that worker were called by so far. */
  take(worker: number, called: readonly CalledListener[], settings: Settings): void {
    this.#called.set(worker, called);
    for (const problem of callProblems(sumOfCalled([...this.#called.values()].flat()), settings))
      if (this.#said.allows(aboutCall(problem))) logCallProblem(this.#logger, problem);
  }
}
