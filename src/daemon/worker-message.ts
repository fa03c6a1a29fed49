/** What the primary process and its workers send each other. */
import type { LoadOptions } from "../config/load.ts";
import type { CalledListener } from "../frontend/calls.ts";
import type { ObserverAnswer, ObserverQuestion } from "./observed-worker.ts";
import type { Remark } from "./remarks.ts";
import type { Answered, Asked } from "./remote-questions.ts";
import type { StateAnswer, StateQuestion } from "./remote-state.ts";
import type { SentTally } from "./tally.ts";

/** The file descriptors of a worker's first channels begin here, after standard input, output, error and the channel of the primary process. */
export const firstChannel = 4;

export type MessageToWorker =
  | Configure
  /** Connections come only for the listeners of the last configuration. */
  | { readonly kind: "switched" }
  /** Comes with the socket. The next socket comes after `taken`. */
  | { readonly kind: "connection"; readonly listener: string; readonly mustMakeRoom: boolean }
  | { readonly kind: "outcomes"; readonly outcomes: readonly Answered<StateAnswer>[] }
  /**
   * A channel to another worker, which has its end already. It is a file that the process was started with, or else comes with the
   * message, and the next socket comes after `taken`.
   */
  | { readonly kind: "channel"; readonly worker: number; readonly descriptor?: number }
  | { readonly kind: "observe"; readonly questions: readonly Asked<ObserverQuestion>[] }
  /** Answered by `alive`, unless the worker is stopped or its loop is held. */
  | { readonly kind: "beat" }
  /** Finish requests in progress, then stop. */
  | { readonly kind: "stop" };

/** The first one starts, later ones reload; each is answered by `configured`. */
export interface Configure {
  readonly kind: "configure";
  readonly file: string;
  /** As the primary process read it: the file may have changed since. */
  readonly text: string;
  /** Also as it read them. */
  readonly texts: readonly (readonly [path: string, text: string])[];
  readonly options: LoadOptions;
  /** Which one it is, from 1 on, and of how many. */
  readonly worker: number;
  readonly workers: number;
}

export type MessageToPrimary =
  /** `error`: nothing has changed. */
  | { readonly kind: "configured"; readonly error?: string }
  | { readonly kind: "alive" }
  | { readonly kind: "taken" }
  /** A connection of that listener had to be made room for, and all others were busy; `closed` follows. */
  | { readonly kind: "refused"; readonly listener: string }
  /** A connection of that listener was closed. */
  | { readonly kind: "closed"; readonly listener: string }
  | { readonly kind: "questions"; readonly questions: readonly Asked<StateQuestion>[] }
  | { readonly kind: "observed"; readonly outcomes: readonly Answered<ObserverAnswer>[] }
  /** Once a second, where something was. */
  | { readonly kind: "tally"; readonly tally: SentTally }
  /** To be logged once for all workers. */
  | { readonly kind: "remark"; readonly remark: Remark }
  /** What its listeners were called by so far: once a second, where it is more. */
  | { readonly kind: "called"; readonly called: readonly CalledListener[] }
  /** While somebody watches. Each is a `KeptDecision` as JSON. */
  | { readonly kind: "decisions"; readonly decisions: readonly string[] };
