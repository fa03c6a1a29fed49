/** What the DNS says of senders, asked with the patience of a request. */
import type { Answer } from "../answer/answer.ts";
import { type Patience, type WaitedFor, waitPatiently } from "../answer/patience.ts";
import { TemporaryError } from "../answer/temporary-error.ts";
import { spfTimeoutMs } from "../dns/spf.ts";
import type { IprevAnswer, OnDnsAnswer, SenderAuth, SpfAnswer, SpfIdentity } from "../stage/sources.ts";

const spf: WaitedFor = {
  name: "SPF",
  timeoutMs: spfTimeoutMs,
  failureOf(answer) {
    // Nothing else is waited for by this name.
    const { result, by } = answer as SpfAnswer;
    return result === "temperror" ? new TemporaryError(by) : undefined;
  },
  onLate: () => {},
};
const iprev: WaitedFor = { name: "reverse names", timeoutMs: spfTimeoutMs, onLate: () => {} };

export class PatientSenderAuth implements SenderAuth {
  readonly #checks: SenderAuth;
  readonly #patience: Patience;

  constructor(checks: SenderAuth, patience: Patience) {
    this.#checks = checks;
    this.#patience = patience;
  }

  spf(identity: SpfIdentity, onAnswer?: OnDnsAnswer): Answer<SpfAnswer> {
    return waitPatiently(this.#patience, spf, () => this.#checks.spf(identity, onAnswer));
  }

  iprev(client: string, onAnswer?: OnDnsAnswer): Answer<IprevAnswer> {
    return waitPatiently(this.#patience, iprev, () => this.#checks.iprev(client, onAnswer));
  }
}
