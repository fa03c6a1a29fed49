/**
 * How stages wait: a stage is a list of steps, each of which looks at what is known of a command so far, adds to it, and may have the
 * outcome. A promise is made only when a step makes one.
 */
import type { Answer } from "./answer.ts";

/** The steps of a stage in their order; the last has an outcome in any case. */
export type Steps<S, O> = readonly [...((state: S) => Answer<O | undefined>)[], (state: S) => Answer<O>];

/** Whether nothing may come of the steps any more. */
export interface AbortFlag {
  readonly isAborted: boolean;
}

/** The outcome of the first step that has one. `abort` undefined: nothing aborts them. */
export function takeSteps<S, O>(steps: Steps<S, O>, state: S, abort?: AbortFlag): Answer<O> {
  // The last one has an outcome.
  return firstOutcome<(state: S) => Answer<O | undefined>, S, O>(steps, take, state, abort) as Answer<O>;
}

function take<S, O>(step: (state: S) => O, state: S): O {
  return step(state);
}

/** What `ask` says of the first item of which it says anything; each is asked about after the one before it. */
export function firstOutcome<I, S, O>(
  items: readonly I[],
  ask: (item: I, state: S) => Answer<O | undefined>,
  state: S,
  abort?: AbortFlag,
): Answer<O | undefined> {
  for (let at = 0; at < items.length; at += 1) {
    const outcome = ask(items[at] as I, state);
    if (outcome instanceof Promise) {
      // Whatever comes of the last one is the outcome.
      const isEnd = abort === undefined && at === items.length - 1;
      return isEnd ? outcome : goOn(items, ask, state, abort, at + 1, outcome);
    }
    if (outcome !== undefined) return outcome;
  }
  return undefined;
}

async function goOn<I, S, O>(
  items: readonly I[],
  ask: (item: I, state: S) => Answer<O | undefined>,
  state: S,
  abort: AbortFlag | undefined,
  from: number,
  waiting: Promise<O | undefined>,
): Promise<O | undefined> {
  let outcome: O | undefined = await waiting;
  throwIfAborted(abort);
  for (let at = from; outcome === undefined && at < items.length; at += 1) {
    const answer = ask(items[at] as I, state);
    if (!(answer instanceof Promise)) {
      outcome = answer;
      continue;
    }
    outcome = await answer;
    throwIfAborted(abort);
  }
  return outcome;
}

/** To be called before anything is changed by what had to be waited for. */
export function throwIfAborted(abort: AbortFlag | undefined): void {
  if (abort?.isAborted) throw new Error("aborted");
}

/** Of a source that was said not to wait; that it does is a bug, whose message names it by `what`. */
export function atHand<T>(answer: Answer<T>, what: string): T {
  if (!(answer instanceof Promise)) return answer;
  // Nobody will read it, and a rejection that nobody reads ends the process.
  answer.catch(() => {});
  throw new Error(`${what} waited though its source was said not to`);
}
