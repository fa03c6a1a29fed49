/**
 * The Berkeley DB files of postgrey: postgrey.db holds `network/sender/recipient` and `first,last`, postgrey_clients.db holds an
 * address and `passes,last`.
 */
import { canonicalIp } from "../mail/ip.ts";
import { exactAddress } from "../stage/greylist-key.ts";
import type { GreylistSettings } from "../stage/stage-settings.ts";
import type { ImportedEntry } from "../state/state-store.ts";
import { DumpProblem, type Pair, pairsIn } from "./db-dump.ts";
import { alive, importedTriplet, type OnSkipped, pastMs } from "./imported-entry.ts";
import { mustBeReadable } from "./named-file.ts";
import { isPostgreyRunning } from "./postgrey-lock.ts";

/** A larger number is not a count: stores read it as allowed by an administrator. */
const maxPasses = 1_000_000;

/** Without files, from standard input. `now`: milliseconds since the epoch. Rejects with a `DumpProblem` or an `UnreadableFile`. */
export async function* readPostgrey(
  files: readonly string[],
  settings: GreylistSettings,
  now: number,
  onSkipped: OnSkipped,
): AsyncGenerator<ImportedEntry> {
  for (const file of files) await mustBeReadable(file);
  const stale = files.find(isPostgreyRunning);
  if (stale !== undefined)
    throw new DumpProblem(
      `postgrey is running, and has not written all that it knows to ${stale}: stop it first, by systemctl stop postgrey`,
    );
  const onOther = (line: string) => onSkipped("not from a database of postgrey", line);
  for (const file of files.length === 0 ? [undefined] : files) {
    for await (const pair of pairsIn(file, onOther)) yield* entryOf(pair, settings, now, onSkipped);
  }
}

function* entryOf([key, value]: Pair, settings: GreylistSettings, now: number, onSkipped: OnSkipped): Generator<ImportedEntry> {
  const [, one, two] = /^(\d{1,10}),(\d{1,10})$/.exec(value) ?? [];
  if (one === undefined || two === undefined) {
    onSkipped("not from a database of postgrey", `${key} ${value}`);
    return;
  }
  const lastSeen = pastMs(Number(two), now);
  const { delayMs, retryWindowMs, lifetimeMs } = settings;
  const address = canonicalIp(key);
  if (address !== undefined) {
    const passes = Math.min(Number(one), maxPasses);
    const entry = { address: exactAddress(address), passes, seen: lastSeen, expires: lastSeen + lifetimeMs };
    yield* alive({ kind: "address", ...entry }, now, key, onSkipped);
    return;
  }
  const [, client = "", sender = "", recipient = ""] = tripletOf(key) ?? [];
  const triplet = recipient === "" ? undefined : importedTriplet({ client, sender, recipient }, settings);
  if (triplet === undefined) {
    // Such as a digest, by its option --privacy.
    onSkipped("without an address or network", key);
    return;
  }
  const firstSeen = pastMs(Number(one), now);
  // Each attempt is written, so that what was seen again after the delay has passed.
  const isPassed = lastSeen - firstSeen >= delayMs;
  const entry = {
    ...triplet,
    ...{ firstSeen, lastSeen },
    passed: isPassed ? lastSeen : undefined,
    expires: isPassed ? lastSeen + lifetimeMs : firstSeen + retryWindowMs,
  };
  yield* alive({ kind: "triplet", ...entry }, now, key, onSkipped);
}

/** A local part may have slashes, as those of X.400 do; a domain has none. */
function tripletOf(key: string): RegExpExecArray | null {
  return /^([^/]+)\/((?:[^@]*@[^@/]*)?)\/([^@]+@[^@/]+)$/.exec(key) ?? /^([^/]+)\/(.*)\/([^/]+)$/.exec(key);
}
