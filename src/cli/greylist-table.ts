/** What the greylist holds as records for programs, and as columns for people. Times are UTC. */

import { greylistRecord, stateOf, timeOrNever } from "../daemon/greylist-record.ts";
import { allowedPasses, never } from "../state/decide.ts";
import type { AddressEntry, GreylistEntry, GreylistStats } from "../state/state-store.ts";
import { table } from "./text-table.ts";

const entryHeadings = ["STATE", "CLIENT", "SENDER", "RECIPIENT", "FIRST SEEN (UTC)", "LAST SEEN (UTC)", "EXPIRES (UTC)"];
const addressHeadings = ["ADDRESS", "PASSES", "LAST COUNTED (UTC)", "EXPIRES (UTC)"];

export function entryTable(entries: readonly GreylistEntry[]): readonly string[] {
  return table([
    entryHeadings,
    ...entries.map((entry) => {
      const { client, sender, recipient, firstSeen, lastSeen, expires } = entry;
      return [stateOf(entry), client || "-", sender || "<>", recipient || "-", ...[firstSeen, lastSeen, expires].map(minuteOf)];
    }),
  ]);
}

export function addressTable(entries: readonly AddressEntry[]): readonly string[] {
  return table([
    addressHeadings,
    ...entries.map(({ address, passes, seen, expires }) => [address, String(passesOf(passes)), minuteOf(seen), minuteOf(expires)]),
  ]);
}

/** One line of JSON; `null` for never. */
export function entryJson(entry: GreylistEntry): string {
  return JSON.stringify(greylistRecord(entry));
}

export function addressJson({ address, passes, seen, expires }: AddressEntry): string {
  return JSON.stringify({ address, passes: passesOf(passes), seen: timeOrNever(seen), expires: timeOrNever(expires) });
}

export function statsJson(stats: GreylistStats): string {
  return JSON.stringify({ ...stats, oldest: timeOrNever(stats.oldest) });
}

export function statsText({
  waiting,
  passed,
  addresses,
  allowedAddresses,
  oldest,
  throttles,
  tokens,
  correspondents,
  bytes,
}: GreylistStats): string {
  const lines: readonly (readonly [string, string | number])[] = [
    ["entries that wait", waiting],
    ["entries that have passed", passed],
    ["oldest entry (UTC)", oldest === undefined ? "-" : minuteOf(oldest)],
    ["addresses that have passed", addresses - allowedAddresses],
    ["addresses allowed by hand", allowedAddresses],
    ["throttle counters", throttles],
    ["throttle tokens", tokens],
    ["correspondents", correspondents],
    ["size", `${Math.ceil(bytes / 1024)} KiB`],
  ];
  return lines.map(([name, value]) => `${name.padEnd(28)}${value}\n`).join("");
}

function passesOf(passes: number): number | "allowed" {
  return passes >= allowedPasses ? "allowed" : passes;
}

function minuteOf(ms: number): string {
  return ms === never ? "never" : new Date(ms).toISOString().slice(0, 16).replace("T", " ");
}
