/** Addresses and domains in memory: what the memory and file directories are made of. */
import { domainOf } from "../mail/address.ts";
import type { Recipient } from "../stage/sources.ts";
import { KeyTable } from "../text/key-table.ts";
import { detach } from "../text/octets.ts";
import { isSame } from "../text/units.ts";

/** Candidates that VRFY shows, and the length from which on a word may name one: shorter ones would list the accounts. */
export const maxVerified = 5;
export const minVerifyLength = 4;
/** Addresses that VRFY looks through, and those with its word among them, of which it chooses: both take some milliseconds. */
const maxSearched = 50_000;
const maxMatching = 5000;
/** Members that EXPN shows. */
export const maxExpanded = 50;

/** Filled once, then only read. All addresses are canonical. Of equal ones the first counts. */
export class AddressTable {
  readonly #recipients: KeyTable;
  readonly #domains = new KeyTable();
  /** Addresses of a domain often follow one another. */
  #lastDomain = "";
  /** Domains of which every address exists, and the domain that it is delivered to under the same local part, with further addresses. */
  readonly #wholeDomains = new KeyTable();

  /** There will be about so many addresses. */
  constructor(domains: Iterable<string> = [], expected = 0) {
    this.#recipients = new KeyTable(expected);
    for (const domain of domains) this.addDomain(domain);
  }

  has(address: string): boolean {
    return this.#recipients.has(address);
  }

  add(address: string, recipient: Recipient): void {
    this.#add(address, encode(address, recipient));
  }

  /** One whose only primary address is its own. */
  addMailbox(address: string): void {
    this.#add(address, "");
  }

  /** The same of an address in octets of ASCII that hold more, where its domain begins at `domainAt`. */
  addMailboxPart(octets: Buffer, start: number, domainAt: number, end: number): void {
    this.#recipients.addPart(octets, start, end, "");
    if (!isSame(octets, domainAt, end, this.#lastDomain)) this.addDomain(octets.toString("latin1", domainAt, end));
  }

  addDomain(domain: string): void {
    if (domain === "" || domain === this.#lastDomain) return;
    this.#domains.add(domain, "");
    // A part of a longer text would keep all of it.
    this.#lastDomain = detach(domain);
  }

  addWholeDomain(domain: string, target: string, others: readonly string[] = []): void {
    this.#wholeDomains.add(domain, [target, ...others].join("\n"));
    this.addDomain(domain);
  }

  isLocalDomain(domain: string): boolean {
    return this.#domains.has(domain);
  }

  recipient(address: string): Recipient | undefined {
    return this.exact(address) ?? this.inWholeDomain(address);
  }

  exact(address: string): Recipient | undefined {
    const text = this.#recipients.get(address);
    return text === undefined ? undefined : decode(address, text);
  }

  inWholeDomain(address: string): Recipient | undefined {
    const at = address.lastIndexOf("@");
    const text = at > 0 ? this.#wholeDomains.get(address.slice(at + 1)) : undefined;
    if (text === undefined) return undefined;
    const [target, ...others] = text.split("\n");
    const moved = `${address.slice(0, at)}@${target}`;
    if (others.length === 0) return { kind: "mailbox", primaries: [moved], byDomain: true };
    return { kind: "list", members: [...new Set([moved, ...others])], byDomain: true };
  }

  /** Primary addresses that contain the word, in order; `has`: whether there is such an address, here or in another table. */
  verify(word: string, has = (address: string) => this.has(address)): readonly string[] {
    if (word.length < minVerifyLength) return [];
    const found: string[] = [];
    let matching = 0;
    for (const [address, text] of this.#recipients.search(word, maxSearched)) {
      matching += 1;
      if (matching > maxMatching) break;
      const recipient = decode(address, text);
      if (recipient.kind === "list") continue;
      for (const primary of recipient.primaries) {
        if (!primary.includes(word) || primary.startsWith("@") || found.includes(primary) || !has(primary)) continue;
        found.push(primary);
        found.sort().splice(maxVerified);
      }
    }
    return found;
  }

  expand(address: string): readonly string[] | undefined {
    const found = this.exact(address);
    return found?.kind === "list" ? found.members.slice(0, maxExpanded) : undefined;
  }

  #add(address: string, text: string): void {
    this.#recipients.add(address, text);
    this.addDomain(domainOf(address) ?? "");
  }
}

/** Nothing for a mailbox whose only primary address is its own, of which there are most. An address has no line end. */
function encode(address: string, recipient: Recipient): string {
  if (recipient.kind === "list") return ["list", ...recipient.members].join("\n");
  const [first, ...others] = recipient.primaries;
  return first === address && others.length === 0 ? "" : ["mailbox", ...recipient.primaries].join("\n");
}

function decode(address: string, text: string): Recipient {
  if (text === "") return { kind: "mailbox", primaries: [address] };
  const [kind, ...addresses] = text.split("\n");
  return kind === "list" ? { kind, members: addresses } : { kind: "mailbox", primaries: addresses };
}
