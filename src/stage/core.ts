/** What every stage function takes besides the session: settings, sources, and a sink for the trace. */
import type { Settings } from "./settings.ts";
import type { Sources } from "./sources.ts";

/** One question of a stage and what came back, for people; only `explain` collects them. */
export interface TraceEntry {
  readonly step: string;
  readonly asked: string;
  readonly answer: string;
}

export interface Core {
  readonly settings: Settings;
  readonly sources: Sources;
  /** `undefined` on the hot path, where nothing is written that nobody reads. */
  readonly trace?: (entry: TraceEntry) => void;
}
