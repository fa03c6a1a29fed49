/** Entries of the greylist as programs read them: times as RFC 3339 has them. */
import { never } from "./decide.ts";
import type { GreylistEntry } from "./state-store.ts";

export type EntryState = "waiting" | "passed" | "allowed";

export interface EntryRecord {
  readonly state: EntryState;
  readonly client: string;
  readonly sender: string;
  readonly recipient: string;
  readonly firstSeen: string;
  readonly lastSeen: string;
  /** `null`: not yet. */
  readonly passed: string | null;
  /** `null`: never. */
  readonly expires: string | null;
}

export function entryRecord(entry: GreylistEntry): EntryRecord {
  const { client, sender, recipient, firstSeen, lastSeen, passed, expires } = entry;
  return {
    ...{ state: stateOf(entry), client, sender, recipient },
    ...{ firstSeen: timeOf(firstSeen), lastSeen: timeOf(lastSeen), passed: timeOrNever(passed), expires: timeOrNever(expires) },
  };
}

export function stateOf({ passed, expires }: GreylistEntry): EntryState {
  if (passed === undefined) return "waiting";
  return expires === never ? "allowed" : "passed";
}

/** `null`: never, or not yet. */
export function timeOrNever(ms: number | undefined): string | null {
  return ms === undefined || ms === never ? null : timeOf(ms);
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}
