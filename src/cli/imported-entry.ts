/** What the importers have in common: the words of another greylist as the daemon would write them, and what is left out. */
import { canonicalAddress } from "../mail/address.ts";
import { canonicalIp, networkOf } from "../mail/ip.ts";
import { greylistKey } from "../stage/greylist-key.ts";
import type { GreylistSettings } from "../stage/stage-settings.ts";
import type { Triplet } from "../state/decide.ts";
import type { ImportedEntry } from "../state/state-store.ts";

/** `what` of the input is not taken over. */
export type OnSkipped = (why: SkipReason, what: string) => void;

export type SkipReason =
  | "expired"
  | "not from a database of postgrey"
  | "without an address or network"
  | "of a network, without a recipient";

/** The entry, unless it would have expired by `now`. */
export function* alive(entry: ImportedEntry, now: number, what: string, onSkipped: OnSkipped): Generator<ImportedEntry> {
  if (entry.expires < now) onSkipped("expired", what);
  else yield entry;
}

/** Whole milliseconds since the epoch, of another clock, which may have been ahead of this one or wrong altogether. */
export function pastMs(seconds: number, now: number): number {
  return Math.trunc(Math.min(Math.max(seconds * 1000, 0), now));
}

/**
 * The triplet of another greylist as the daemon would make it of the same message. `client` is an address or, of one, the first
 * three octets or four groups; `undefined`: it is neither.
 */
export function importedTriplet({ client, sender, recipient }: Triplet, settings: GreylistSettings): Triplet | undefined {
  const address = importedAddress(client) ?? canonicalIp(`${client}.0`);
  if (address === undefined) return undefined;
  const network = networkOf(address, settings.ipv4Prefix, settings.ipv6Prefix);
  return greylistKey({ client: network, sender: canonicalAddress(sender), recipient: canonicalAddress(recipient) }, settings);
}

/** An address, or the network of 64 bits that a client of IPv6 has for itself, which sqlgrey writes as four groups. */
export function importedAddress(client: string): string | undefined {
  return canonicalIp(/^(?:[\da-f]{1,4}:){3}[\da-f]{1,4}$/i.test(client) ? `${client}::` : client);
}
