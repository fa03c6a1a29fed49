/**
 * How stages and scripts wait: their steps are a generator that yields only promises, so that one which needs no IO
 * runs to its end at once and answers without a promise.
 */
import type { Answer } from "./answer.ts";

export type Steps<T> = Generator<Promise<unknown>, T, unknown>;

/** `const value = yield* waitFor(answer)`: the value, now if it is at hand. */
export function* waitFor<T>(answer: Answer<T>): Steps<T> {
  // The driver sends back the value of this very promise.
  return answer instanceof Promise ? ((yield answer) as T) : answer;
}

/** Of a source that was said not to wait; that it does is a bug, whose message names it by `what`. */
export function atHand<T>(answer: Answer<T>, what: string): T {
  if (!(answer instanceof Promise)) return answer;
  // Nobody will read it, and a rejection that nobody reads ends the process.
  answer.catch(() => {});
  throw new Error(`${what} waited though its source was said not to`);
}

export function runSteps<T>(steps: Steps<T>): Answer<T> {
  const first = steps.next();
  return first.done ? first.value : finish(steps, first.value);
}

async function finish<T>(steps: Steps<T>, waiting: Promise<unknown>): Promise<T> {
  let pending = waiting;
  for (;;) {
    const next = await pending.then(
      (value) => steps.next(value),
      (error: unknown) => steps.throw(error),
    );
    if (next.done) return next.value;
    pending = next.value;
  }
}
