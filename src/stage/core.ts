/** What every stage function takes besides the session: settings, sources, and a sink for the trace. */
import type { AbortFlag } from "../answer/steps.ts";
import type { ScriptLogEntry } from "../sieve/script.ts";
import type { ScriptStage } from "./script-environment.ts";
import type { Sources } from "./sources.ts";
import type { Settings, Throttle } from "./stage-settings.ts";

/** `enforce`, or `shadow`: decide, log and count, but pass everything. */
export type Mode = "enforce" | "shadow";

/** One question of a stage and what came back, for people; only `explain` collects them. */
export interface TraceEntry {
  readonly step: string;
  readonly asked: string;
  readonly answer: string;
  /** What a server that was asked for it was asked, and its reply. */
  readonly said?: string;
}

export type Trace = (entry: TraceEntry) => void;

/** A script that was stopped before its end, or could not be chosen: without a `script` it is the rule that failed. */
export interface FailedScript {
  readonly stage: ScriptStage;
  readonly script?: string;
  readonly line?: number;
  readonly column?: number;
  readonly message: string;
  readonly cause?: unknown;
}

/** A throttle refuses what this counter counts. */
export interface ThrottledKey {
  readonly throttle: Throttle;
  /** Of what is counted apart, as sent by strangers. */
  readonly values: readonly string[];
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** A line that a script writes to the log. */
export interface ScriptLine extends ScriptLogEntry {
  readonly stage: ScriptStage;
}

export interface Core {
  readonly settings: Settings;
  readonly sources: Sources;
  /** `undefined` on the hot path, where nothing is written that nobody reads. */
  readonly trace?: Trace;
  /** Of the command; left out: nothing aborts it. */
  readonly abort?: AbortFlag;
  /** Called for each script that fails. */
  readonly onScriptFailure?: (failure: FailedScript) => void;
  readonly onScriptLine?: (line: ScriptLine) => void;
  /** Called for each refusal by a throttle. */
  readonly onThrottled?: (key: ThrottledKey) => void;
}
