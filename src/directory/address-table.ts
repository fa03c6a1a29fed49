/** Addresses and domains in memory: what the memory and file directories are made of. */
import { domainOf } from "../mail/address.ts";
import type { Recipient } from "../stage/sources.ts";

/** Candidates that VRFY shows, and the length from which on a word may name one: shorter ones would list the accounts. */
const maxVerified = 5;
export const minVerifyLength = 4;
/** Members that EXPN shows. */
const maxExpanded = 50;

/** Filled once, then only read. All addresses are canonical. */
export class AddressTable {
  readonly #recipients = new Map<string, Recipient>();
  readonly #domains: Set<string>;
  /** Domains of which every address exists, and the domain that it is delivered to under the same local part. */
  readonly #wholeDomains = new Map<string, string>();
  #primaries: readonly string[] | undefined;

  constructor(domains: Iterable<string>) {
    this.#domains = new Set(domains);
  }

  has(address: string): boolean {
    return this.#recipients.has(address);
  }

  set(address: string, recipient: Recipient): void {
    this.#recipients.set(address, recipient);
    this.addDomain(domainOf(address) ?? "");
  }

  addDomain(domain: string): void {
    if (domain !== "") this.#domains.add(domain);
  }

  setWholeDomain(domain: string, target: string): void {
    this.#wholeDomains.set(domain, target);
    this.addDomain(domain);
  }

  isLocalDomain(domain: string): boolean {
    return this.#domains.has(domain);
  }

  recipient(address: string): Recipient | undefined {
    const found = this.#recipients.get(address);
    if (found || this.#wholeDomains.size === 0) return found;
    const at = address.lastIndexOf("@");
    const target = at > 0 ? this.#wholeDomains.get(address.slice(at + 1)) : undefined;
    return target === undefined ? undefined : { kind: "mailbox", primaries: [`${address.slice(0, at)}@${target}`] };
  }

  /** Primary addresses that contain the text. */
  verify(text: string): readonly string[] {
    if (text.length < minVerifyLength) return [];
    this.#primaries ??= this.#sortedPrimaries();
    const found: string[] = [];
    for (const primary of this.#primaries) {
      if (found.length === maxVerified) break;
      if (primary.includes(text)) found.push(primary);
    }
    return found;
  }

  expand(address: string): readonly string[] | undefined {
    const found = this.#recipients.get(address);
    return found?.kind === "list" ? found.members.slice(0, maxExpanded) : undefined;
  }

  #sortedPrimaries(): readonly string[] {
    const primaries = new Set<string>();
    for (const recipient of this.#recipients.values()) {
      if (recipient.kind !== "mailbox") continue;
      for (const primary of recipient.primaries) if (this.#recipients.has(primary) && !primary.startsWith("@")) primaries.add(primary);
    }
    return [...primaries].sort();
  }
}
