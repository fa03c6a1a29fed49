/** Addresses and domains in memory: what the memory and file directories are made of. */
import { domainOf, localPartOf } from "../mail/address.ts";
import { withoutDetail } from "../stage/address-rules.ts";
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
  /** Domains of which every address exists, and the targets to which it is delivered. */
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

  addWholeDomain(domain: string, targets: readonly string[]): void {
    this.#wholeDomains.add(domain, targets.join("\n"));
    this.addDomain(domain);
  }

  addNobody(address: string): void {
    this.#add(address, nobody);
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

  /** By the entry `john+*@example.org`, which is for john with any tag. */
  withAnyTag(address: string): Recipient | undefined {
    const base = withoutDetail(address);
    if (base === undefined) return undefined;
    const key = `${localPartOf(base)}+*@${domainOf(base) ?? ""}`;
    const found = this.exact(key);
    // One that is delivered to as it is keeps its tag.
    const targets = (all: readonly string[]) =>
      targetsFor(
        all.map((each) => (each === key ? `%1%3@${domainOf(base) ?? ""}` : each)),
        address,
      );
    switch (found?.kind) {
      case undefined:
      case "nobody":
        return found;
      case "mailbox":
        return { ...found, primaries: targets(found.primaries) };
      case "list":
        return { ...found, members: targets(found.members) };
    }
  }

  inWholeDomain(address: string): Recipient | undefined {
    const at = address.lastIndexOf("@");
    const text = at > 0 ? this.#wholeDomains.get(address.slice(at + 1)) : undefined;
    if (text === undefined) return undefined;
    const targets = targetsFor(text.split("\n"), address);
    return targets.length === 1
      ? { kind: "mailbox", primaries: targets, byDomain: true }
      : { kind: "list", members: targets, byDomain: true };
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
      if (recipient.kind !== "mailbox") continue;
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

/** `%1` to `%3` in a target, as in a virtusertable: the local part without its tag, the tag, and the tag with its separator. */
const placeholder = /%[123]/g;

export function hasPlaceholder(target: string): boolean {
  return target.search(placeholder) >= 0;
}

/** What the targets of an entry for many addresses are for this one. */
function targetsFor(targets: readonly string[], address: string): readonly string[] {
  const local = localPartOf(address);
  const base = localPartOf(withoutDetail(address) ?? address);
  const tag = local.slice(base.length);
  const parts: Readonly<Record<string, string>> = { "%1": base, "%2": tag.slice(1), "%3": tag };
  const toTarget = (target: string) =>
    target.startsWith("@") ? local + target : target.replace(placeholder, (part) => parts[part] ?? part);
  return [...new Set(targets.map(toTarget))];
}

/** What an address is kept with that mail is refused for. */
const nobody = "nobody";

/** Nothing for a mailbox whose only primary address is its own, of which there are most. An address has no line end. */
function encode(address: string, recipient: Recipient): string {
  if (recipient.kind === "nobody") return nobody;
  if (recipient.kind === "list") return ["list", ...recipient.members].join("\n");
  const [first, ...others] = recipient.primaries;
  return first === address && others.length === 0 ? "" : ["mailbox", ...recipient.primaries].join("\n");
}

function decode(address: string, text: string): Recipient {
  if (text === "") return { kind: "mailbox", primaries: [address] };
  if (text === nobody) return { kind: "nobody" };
  const [kind, ...addresses] = text.split("\n");
  return kind === "list" ? { kind, members: addresses } : { kind: "mailbox", primaries: addresses };
}
