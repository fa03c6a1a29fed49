/** What the DNS says of senders, asked with the patience of a request. */
import type { Answer } from "../answer/answer.ts";
import { type Patience, type WaitedFor, waitPatiently } from "../answer/patience.ts";
import type { Dns } from "../dns/dns.ts";
import { askReverseName } from "../dns/reverse-name.ts";
import { askSpf, spfTimeoutMs } from "../dns/spf.ts";
import type { IprevAnswer, OnDnsAnswer, SenderAuth, SpfAnswer, SpfIdentity } from "../stage/sources.ts";

const spf: WaitedFor = { name: "SPF", timeoutMs: spfTimeoutMs, onLate: () => {} };
const iprev: WaitedFor = { name: "reverse names", timeoutMs: spfTimeoutMs, onLate: () => {} };

export class SenderAuthAnswers implements SenderAuth {
  readonly #dns: Dns;
  readonly #now: () => number;
  readonly #patience: Patience | undefined;

  /** `patience` undefined: whoever asks waits as long as it takes. */
  constructor(dns: Dns, now: () => number, patience?: Patience) {
    this.#dns = dns;
    this.#now = now;
    this.#patience = patience;
  }

  spf(identity: SpfIdentity, onAnswer?: OnDnsAnswer): Answer<SpfAnswer> {
    return waitPatiently(this.#patience, spf, () => askSpf(identity, this.#dns, this.#now, onAnswer));
  }

  iprev(client: string, onAnswer?: OnDnsAnswer): Answer<IprevAnswer> {
    return waitPatiently(this.#patience, iprev, () => askReverseName(client, this.#dns, onAnswer));
  }
}
