/** State in memory: what the other stores are compared with. */
import type { CorrespondentQuestion, GreylistAnswer, ThrottleAnswer, ThrottleQuestion } from "../stage/state.ts";
import {
  type AddressRow,
  allowedPasses,
  allowedTriplet,
  decideGiveBack,
  decideGreylist,
  decideRemember,
  decideThrottle,
  type GreylistRow,
  mergedAddress,
  never,
  replacesTriplet,
  type ThrottleRow,
  type TokenRow,
  type Triplet,
  type TripletQuestion,
  tokenKey,
  tripletKey,
} from "./decide.ts";
import type {
  AddressEntry,
  EntryFilter,
  GreylistEntry,
  GreylistStats,
  ImportedEntry,
  Page,
  StateStore,
  ThrottleEntry,
} from "./state-store.ts";

export class MemoryState implements StateStore {
  readonly #triplets = new Map<string, GreylistEntry>();
  readonly #addresses = new Map<string, AddressEntry>();
  readonly #throttles = new Map<string, ThrottleRow>();
  readonly #tokens = new Map<string, TokenRow>();
  readonly #correspondents = new Map<string, { readonly expires: number }>();

  greylist(question: TripletQuestion): GreylistAnswer {
    const { client, sender, recipient } = question;
    const rows = { triplet: this.#triplets.get(tripletKey(question)), address: this.#addresses.get(question.autoWhitelist.address) };
    const { answer, triplet, address } = decideGreylist(rows, question);
    if (triplet !== undefined) this.#put({ client, sender, recipient, ...triplet });
    if (address !== undefined) this.#putAddress(question.autoWhitelist.address, address);
    return answer;
  }

  throttle(question: ThrottleQuestion): ThrottleAnswer {
    const key = tokenKey(question);
    const rows = { row: this.#throttles.get(question.key), token: key === undefined ? undefined : this.#tokens.get(key) };
    const { answer, row, token } = decideThrottle(rows, question);
    if (row !== undefined) this.#throttles.set(question.key, row);
    if (token !== undefined && key !== undefined) this.#tokens.set(key, token);
    return answer;
  }

  giveBack(question: ThrottleQuestion): void {
    const key = tokenKey(question);
    const rows = { row: this.#throttles.get(question.key), token: key === undefined ? undefined : this.#tokens.get(key) };
    const row = decideGiveBack(rows, question);
    if (row !== undefined) this.#throttles.set(question.key, row);
    if (key !== undefined) this.#tokens.delete(key);
  }

  remember(question: CorrespondentQuestion): void {
    const expires = decideRemember(this.#correspondents.get(question.key)?.expires, question);
    if (expires !== undefined) this.#correspondents.set(question.key, { expires });
  }

  areCorrespondents({ key, now }: CorrespondentQuestion): boolean {
    const row = this.#correspondents.get(key);
    return row !== undefined && row.expires >= now;
  }

  async list(filter: EntryFilter, { after, limit }: Page<Triplet>): Promise<readonly GreylistEntry[]> {
    const { client = "", sender = "", recipient = "", exactClient, state } = filter;
    const fits = (entry: GreylistEntry) =>
      entry.client.includes(client) &&
      (exactClient === undefined || entry.client === exactClient) &&
      entry.sender.includes(sender) &&
      entry.recipient.includes(recipient) &&
      (state === undefined || (state === "passed") === (entry.passed !== undefined));
    const entries = [...this.#triplets.values()].filter((entry) => fits(entry) && (after === undefined || compare(entry, after) > 0));
    return entries.toSorted(compare).slice(0, limit);
  }

  async listAddresses(part: string, { after = "", limit }: Page<string>): Promise<readonly AddressEntry[]> {
    const entries = [...this.#addresses.values()].filter(({ address }) => address.includes(part) && address > after);
    return entries.toSorted((a, b) => (a.address < b.address ? -1 : 1)).slice(0, limit);
  }

  async triplet(triplet: Triplet): Promise<GreylistRow | undefined> {
    const entry = this.#triplets.get(tripletKey(triplet));
    if (entry === undefined) return undefined;
    const { firstSeen, lastSeen, passed, expires } = entry;
    return { firstSeen, lastSeen, passed, expires };
  }

  async address(address: string): Promise<AddressRow | undefined> {
    const entry = this.#addresses.get(address);
    return entry && { passes: entry.passes, seen: entry.seen, expires: entry.expires };
  }

  async allow(subject: Triplet | string, now: number): Promise<void> {
    if (typeof subject === "string") return this.#putAddress(subject, { passes: allowedPasses, seen: now, expires: never });
    const { client, sender, recipient } = subject;
    this.#put({ client, sender, recipient, ...allowedTriplet(this.#triplets.get(tripletKey(subject)), now) });
  }

  async forget(subject: Triplet | string): Promise<boolean> {
    return typeof subject === "string" ? this.#addresses.delete(subject) : this.#triplets.delete(tripletKey(subject));
  }

  async listThrottles(prefix: string, { after = prefix, limit }: Page<string>): Promise<readonly ThrottleEntry[]> {
    const entries = [...this.#throttles].filter(([key]) => key.startsWith(prefix) && key > after).map(([key, row]) => ({ key, ...row }));
    return entries.toSorted((a, b) => (a.key < b.key ? -1 : 1)).slice(0, limit);
  }

  async resetThrottles(keys: readonly string[]): Promise<number> {
    return keys.filter((key) => this.#throttles.delete(key)).length;
  }

  async stats(now: number): Promise<GreylistStats> {
    const entries = [...this.#triplets.values()].filter(({ expires }) => expires >= now);
    const addresses = [...this.#addresses.values()].filter(({ expires }) => expires >= now);
    const passed = entries.filter((entry) => entry.passed !== undefined).length;
    return {
      waiting: entries.length - passed,
      passed,
      addresses: addresses.length,
      allowedAddresses: addresses.filter(({ passes }) => passes === allowedPasses).length,
      oldest: entries.length === 0 ? undefined : entries.reduce((oldest, { firstSeen }) => Math.min(oldest, firstSeen), never),
      throttles: this.#throttles.size,
      tokens: this.#tokens.size,
      correspondents: this.#correspondents.size,
      bytes: 0,
    };
  }

  async importEntries(entries: Iterable<ImportedEntry> | AsyncIterable<ImportedEntry>, now: number): Promise<number> {
    let count = 0;
    for await (const { kind, ...entry } of entries) {
      if ("address" in entry) {
        const row = mergedAddress(entry, this.#addresses.get(entry.address), now);
        if (row === undefined) continue;
        this.#putAddress(entry.address, row);
      } else {
        if (!replacesTriplet(entry, this.#triplets.get(tripletKey(entry)), now)) continue;
        this.#put(entry);
      }
      count += 1;
    }
    return count;
  }

  async expire(now: number, limit: number): Promise<boolean> {
    let left = limit;
    for (const rows of [this.#triplets, this.#addresses, this.#throttles, this.#tokens, this.#correspondents]) {
      for (const [key, { expires }] of rows) {
        if (left === 0) return true;
        if (expires >= now) continue;
        rows.delete(key);
        left -= 1;
      }
    }
    return false;
  }

  async close(): Promise<void> {}

  #put(entry: GreylistEntry): void {
    this.#triplets.set(tripletKey(entry), entry);
  }

  #putAddress(address: string, { passes, seen, expires }: AddressRow): void {
    this.#addresses.set(address, { address, passes, seen, expires });
  }
}

function compare(a: Triplet, b: Triplet): number {
  const [left, right] = [tripletKey(a), tripletKey(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}
