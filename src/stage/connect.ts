/** The connection: throttles by what is known of the client before it says anything. */

import { type Answer, after } from "../answer/answer.ts";
import type { Core } from "./core.ts";
import { passed, refuse } from "./refuse.ts";
import type { Session } from "./session.ts";
import { askThrottles, type Throttled } from "./throttle.ts";
import type { Refusal, Verdict } from "./verdict.ts";

/** A refusal is a 421. `token` names the connection, the same on every node; `undefined`: nothing does. */
export function decideConnect(session: Session, core: Core, token?: string): Answer<Verdict> {
  const scope = { session, helo: "", sender: "", rcpt: "" };
  return after(askThrottles(core.settings.throttles.connect, scope, { token }, core), judge, session);
}

function judge({ refusal }: Throttled, session: Session): Verdict {
  session.would = session.would?.map(disconnecting);
  return refusal === undefined || refusal.kind === "pass" ? passed : disconnecting(refusal);
}

function disconnecting(refusal: Refusal): Refusal {
  return { ...refusal, ...refuse({ ...refusal.reply, code: 421 }, refusal.reason) };
}
