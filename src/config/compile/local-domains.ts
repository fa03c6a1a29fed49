/** The domains of a file directory, and by what each of them is one. */
import type { Entry } from "../../directory/table-entry.ts";
import { domainOf } from "../../mail/address.ts";
import { isMailDomain } from "../../mail/domain.ts";
import type { KeyPath } from "../syntax/tree.ts";

/** Domains that are reported one by one. */
const maxDoubtful = 10;

export class LocalDomains {
  readonly #stated: Set<string>;
  /** The first address of each domain, and where its table is named: of a table that has addresses to be rewritten. */
  readonly #rewritten = new Map<string, { readonly address: string; readonly at: KeyPath }>();
  #hasLines = false;

  /** `stated`: those of the configuration, canonical. */
  constructor(stated: readonly string[]) {
    this.#stated = new Set(stated);
  }

  add(entry: Entry, at: KeyPath): void {
    const domain = "domain" in entry ? entry.domain : (domainOf(entry.address) ?? "");
    // Such as `*.example.org`, which is warned of by itself.
    if (!isMailDomain(domain)) return;
    this.#hasLines ||= entry.kind === "domain";
    const isRewritten = entry.kind === "address" && !entry.address.startsWith("@");
    if (!isRewritten) this.#stated.add(domain);
    else if (!this.#rewritten.has(domain)) this.#rewritten.set(domain, { address: entry.address, at });
  }

  /** A table may rewrite addresses of others, too. Where domains have lines of their own, one without a line may be somebody else's. */
  doubtful() {
    if (!this.#hasLines) return [];
    const doubtful = [...this.#rewritten].filter(([domain]) => !this.#stated.has(domain));
    return doubtful.slice(0, maxDoubtful).map(([domain, { address, at }]) => ({ domain, address, at }));
  }
}
