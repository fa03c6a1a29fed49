/**
 * The Berkeley DB files of postgrey in the text of `db_dump -p`: after a header, lines of key and value in turn, each after a space.
 * postgrey.db holds `network/sender/recipient` and `first,last`; postgrey_clients.db holds an address and `passes,last`.
 */
import { createReadStream } from "node:fs";
import { canonicalAddress } from "../mail/address.ts";
import { canonicalIp, networkOf } from "../mail/ip.ts";
import { exactAddress, greylistKey } from "../stage/greylist-key.ts";
import type { GreylistSettings } from "../stage/stage-settings.ts";
import type { Triplet } from "../state/decide.ts";
import type { ImportedEntry } from "../state/state-store.ts";
import { linesOf } from "./lines.ts";

/** A larger number is not a count: stores read it as allowed by an administrator. */
const maxPasses = 1_000_000;

/** `now`: milliseconds since the epoch; what would have expired by then, or cannot be read, is skipped. */
export async function* readPostgrey(
  files: readonly string[],
  settings: GreylistSettings,
  now: number,
  onSkipped: () => void,
): AsyncGenerator<ImportedEntry> {
  const inputs = files.length === 0 ? [process.stdin] : files.map((file) => createReadStream(file));
  for (const input of inputs) {
    for await (const entry of entriesIn(linesOf(input), settings)) {
      if (entry === undefined || entry.expires < now) onSkipped();
      else yield entry;
    }
  }
}

/** `undefined`: such as a key that is a digest, by `--privacy`. */
async function* entriesIn(lines: AsyncIterable<string>, settings: GreylistSettings): AsyncGenerator<ImportedEntry | undefined> {
  let key: string | undefined;
  for await (const line of lines) {
    // The header and the end of the data begin otherwise.
    if (!line.startsWith(" ")) continue;
    const text = unescaped(line.slice(1));
    if (key === undefined) key = text;
    else {
      yield entryOf(key, text, settings);
      key = undefined;
    }
  }
}

function unescaped(text: string): string {
  // Octets that do not print are `\` and two hexadecimal digits.
  const octets = text.replace(/\\(?:\\|([\da-f]{2}))/gi, (_, digits: string | undefined) =>
    digits === undefined ? "\\" : String.fromCharCode(Number.parseInt(digits, 16)),
  );
  return Buffer.from(octets, "latin1").toString("utf8");
}

function entryOf(key: string, value: string, settings: GreylistSettings): ImportedEntry | undefined {
  const [, one, two] = /^(\d{1,10}),(\d{1,10})$/.exec(value) ?? [];
  if (one === undefined || two === undefined) return undefined;
  const lastSeen = Number(two) * 1000;
  const [, network = "", sender = "", recipient = ""] = /^([^/]+)\/(.*)\/([^/]+)$/.exec(key) ?? [];
  const { delayMs, retryWindowMs, lifetimeMs } = settings;
  if (recipient === "") {
    const address = canonicalIp(key);
    if (address === undefined) return undefined;
    const passes = Math.min(Number(one), maxPasses);
    return { kind: "address", address: exactAddress(address), passes, seen: lastSeen, expires: lastSeen + lifetimeMs };
  }
  const triplet = importedTriplet({ client: network, sender, recipient }, settings);
  if (triplet === undefined) return undefined;
  const firstSeen = Number(one) * 1000;
  // Each attempt is written, so that what was seen again after the delay has passed.
  const isPassed = lastSeen - firstSeen >= delayMs;
  return {
    kind: "triplet",
    ...triplet,
    ...{ firstSeen, lastSeen },
    passed: isPassed ? lastSeen : undefined,
    expires: isPassed ? lastSeen + lifetimeMs : firstSeen + retryWindowMs,
  };
}

/**
 * The triplet of another greylist as the daemon would make it of the same message. `client` is an address, or the first three octets
 * of one; `undefined`: it is neither.
 */
export function importedTriplet({ client, sender, recipient }: Triplet, settings: GreylistSettings): Triplet | undefined {
  const address = canonicalIp(client) ?? canonicalIp(`${client}.0`);
  if (address === undefined) return undefined;
  const network = networkOf(address, settings.ipv4Prefix, settings.ipv6Prefix);
  return greylistKey({ client: network, sender: canonicalAddress(sender), recipient: canonicalAddress(recipient) }, settings);
}
