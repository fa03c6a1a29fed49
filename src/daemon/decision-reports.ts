/** What the log says of decisions and of what decided them: a line for each that is wanted, and what an administrator should mend once. */
import type { LoggedDecisions } from "../config/configuration.ts";
import { SayOnce } from "../frontend/say-once.ts";
import type { WrittenDecision } from "../frontend/written-decision.ts";
import { domainOf } from "../mail/address.ts";
import type { FailedScript } from "../stage/core.ts";
import { hourMs } from "../text/duration.ts";
import type { Logger } from "./log.ts";
import { isLogged, logDecision, logPostmaster, logScriptFailure } from "./log-lines.ts";
import type { Remarks } from "./remarks.ts";

export class DecisionReports {
  readonly #logger: Logger;
  readonly #remarks: Remarks;
  readonly #logged: () => LoggedDecisions;
  readonly #postmasters = new SayOnce();
  readonly #failures = new SayOnce(hourMs);

  constructor(logger: Logger, remarks: Remarks, logged: () => LoggedDecisions) {
    this.#logger = logger;
    this.#remarks = remarks;
    this.#logged = logged;
  }

  decided(written: WrittenDecision): void {
    if (isLogged(written.decision, this.#logged())) logDecision(this.#logger, written);
    const { reason, recipient } = written.decision;
    if (reason !== "postmaster" || domainOf(recipient) === undefined || !this.#postmasters.allows(recipient)) return;
    logPostmaster(this.#remarks.about(`postmaster ${recipient}`), recipient);
  }

  scriptFailed(failure: FailedScript): void {
    const { script = failure.stage, line, column, cause } = failure;
    // Not by the message, which may contain what a client sent and differ each time.
    const about = `${script}:${line}:${column}:${cause === undefined}`;
    if (this.#failures.allows(about)) logScriptFailure(this.#remarks.about(`script ${about}`, hourMs), failure);
  }
}
