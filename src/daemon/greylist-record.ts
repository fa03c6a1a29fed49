/** Entries of the greylist as programs read them: times as RFC 3339 has them. */
import type { GreylistRecord, GreylistState } from "../frontend/http/api.ts";
import { never } from "../state/decide.ts";
import type { GreylistEntry } from "../state/state-store.ts";
import { formatTime } from "../text/time.ts";

export function greylistRecord(entry: GreylistEntry): GreylistRecord {
  const { client, sender, recipient, firstSeen, lastSeen, passed, expires } = entry;
  return {
    ...{ state: stateOf(entry), client, sender, recipient },
    ...{ firstSeen: formatTime(firstSeen), lastSeen: formatTime(lastSeen), passed: timeOrNever(passed), expires: timeOrNever(expires) },
  };
}

export function stateOf({ passed, expires }: GreylistEntry): GreylistState {
  if (passed === undefined) return "waiting";
  return expires === never ? "allowed" : "passed";
}

/** `null`: never, or not yet. */
export function timeOrNever(ms: number | undefined): string | null {
  return ms === undefined || ms === never ? null : formatTime(ms);
}
