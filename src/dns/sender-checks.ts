/** SPF and reverse names of clients, whose outcomes are kept. */
import type { Answer } from "../answer/answer.ts";
import { asJson } from "../answer/answer-cache.ts";
import { domainOf } from "../mail/address.ts";
import { canonicalDomain } from "../mail/domain.ts";
import type { IprevAnswer, OnDnsAnswer, SenderAuth, SpfAnswer, SpfIdentity } from "../stage/sources.ts";
import type { KeepingDns } from "./dns.ts";
import { type Grounds, Outcomes } from "./outcomes.ts";
import { askReverseName } from "./reverse-name.ts";
import { askSpf } from "./spf.ts";

export class SenderChecks implements SenderAuth {
  readonly #dns: KeepingDns;
  readonly #now: () => number;
  readonly #spf: Outcomes<SpfAnswer>;
  readonly #iprev: Outcomes<IprevAnswer>;

  /** `now` in milliseconds; it never goes back. `entries`: of each check, as `Outcomes` has it. */
  constructor(dns: KeepingDns, now: () => number, entries: number) {
    this.#dns = dns;
    this.#now = now;
    const common = { dns, now, entries };
    this.#spf = new Outcomes({ ...common, exists: ({ result }) => result !== "none", text: asJson() });
    this.#iprev = new Outcomes({ ...common, exists: ({ ptr }) => ptr !== "", text: asJson() });
  }

  /** Whoever listens to the answers of the DNS hears all of them. */
  spf(identity: SpfIdentity, onAnswer?: OnDnsAnswer): Answer<SpfAnswer> {
    if (onAnswer !== undefined) return askSpf(identity, this.#dns, this.#now, onAnswer);
    const { client, helo, sender } = identity;
    const key = `${client} ${sender === "" ? canonicalDomain(helo) : domainOf(sender)}`;
    return this.#spf.get(key) ?? this.#spf.make(key, (grounds) => this.#askSpf(identity, grounds));
  }

  async #askSpf(identity: SpfIdentity, grounds: Grounds): Promise<SpfAnswer> {
    const answer = await askSpf(identity, grounds, this.#now, (_, records) => {
      if (Array.isArray(records) && records.some((record) => personalMacro.test(record))) grounds.keepNothing();
    });
    if (answer.result === "temperror") grounds.keepNothing();
    return answer;
  }

  iprev(client: string, onAnswer?: OnDnsAnswer): Answer<IprevAnswer> {
    if (onAnswer !== undefined) return askReverseName(client, this.#dns, onAnswer);
    return this.#iprev.get(client) ?? this.#iprev.make(client, (grounds) => askReverseName(client, grounds));
  }
}

/** Macros of the local part and of the EHLO name (RFC 7208 7.2): the outcome is not that of the client and the domain alone. */
const personalMacro = /%\{[slh]/i;
