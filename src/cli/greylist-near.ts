/** What an administrator may have meant by an entry that is not known: a name in place of an address, or mail that waits by a part that differs. */
import type { Configuration } from "../config/configuration.ts";
import { canonicalIp } from "../mail/ip.ts";
import type { Triplet } from "../state/decide.ts";
import type { Administration, EntryFilter, GreylistEntry } from "../state/state-store.ts";
import { entryTable } from "./greylist-table.ts";

const maxShown = 10;
/** Of those that may be near. */
const maxRead = 1000;

/** On standard error. `client` as it was typed; without a triplet all of its entries were meant. */
export async function sayWhatElse(
  client: string,
  triplet: Triplet | undefined,
  state: Administration,
  { settings }: Configuration,
): Promise<void> {
  const { key, client: keptBy } = settings.rcpt.greylist;
  if (canonicalIp(client) !== undefined && key.has("client") && keptBy === "domain-or-network") {
    process.stderr.write(
      `A client with a forward-confirmed name is kept by the domain of its name: for such a one give the name in place of ${client}.\n`,
    );
  }
  const near = triplet === undefined ? [] : await nearEntries(triplet, state);
  if (near.length === 0) return;
  process.stderr.write(`No mail has come for this entry. There waits:\n${entryTable(near.slice(0, maxShown)).join("\n")}\n`);
  if (near.length > maxShown) process.stderr.write("and more: see postern greylist list --waiting\n");
}

/** Those that wait and differ in one part. */
async function nearEntries({ client, sender, recipient }: Triplet, state: Administration): Promise<readonly GreylistEntry[]> {
  const read = (filter: EntryFilter) => state.list({ ...filter, state: "waiting" }, { limit: maxRead });
  const ofOthers = sender === "" && recipient === "" ? [] : await read({ sender, recipient });
  const ofClient = client === "" ? [] : await read({ exactClient: client });
  return [
    ...ofOthers.filter((entry) => entry.client !== client && entry.sender === sender && entry.recipient === recipient),
    ...ofClient.filter((entry) => (entry.sender === sender) !== (entry.recipient === recipient)),
  ];
}
