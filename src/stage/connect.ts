/** The connection: throttles by what is known of the client before it says anything. */

import type { Answer } from "../answer/answer.ts";
import { runSteps, type Steps } from "../answer/steps.ts";
import type { Core } from "./core.ts";
import { pass, refuse } from "./refuse.ts";
import type { Session } from "./session.ts";
import { askThrottles } from "./throttle.ts";
import type { Verdict } from "./verdict.ts";

/** A refusal is a 421. `token` names the connection, the same on every node; `undefined`: nothing does. */
export function decideConnect(session: Session, core: Core, token?: string): Answer<Verdict> {
  return runSteps(connect(session, token, core));
}

function* connect(session: Session, token: string | undefined, core: Core): Steps<Verdict> {
  const scope = { session, helo: "", sender: "", rcpt: "" };
  const { refusal } = yield* askThrottles(core.settings.throttles.connect, scope, { token }, core);
  if (refusal === undefined || refusal.kind === "pass") return pass("pass");
  return { ...refusal, ...refuse({ ...refusal.reply, code: 421 }, refusal.reason) };
}
