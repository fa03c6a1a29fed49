/** Which decisions somebody wants to see. */
import type { Decision, VerdictKind } from "../decision.ts";

/** All must hold. Texts are parts, in either case. */
export interface DecisionFilter {
  readonly listener?: string;
  readonly stage?: string;
  /** Of the sender. */
  readonly from?: string;
  /** Of the recipient, or of where it goes. */
  readonly to?: string;
  /** Of the client's address, its name or its EHLO name. */
  readonly client?: string;
  /** The whole code. */
  readonly reason?: string;
  /** Carried out or, in shadow mode, not. */
  readonly verdict?: VerdictKind;
  /** All but what passes, and would pass outside shadow mode. */
  readonly notPass?: boolean;
  /** Not where any of these texts holds it. */
  readonly exclude?: string;
}

export function filterOf(query: URLSearchParams): DecisionFilter {
  const text = (name: string) => query.get(name)?.toLowerCase() || undefined;
  const [listener, stage, from, to, client] = ["listener", "stage", "from", "to", "client"].map(text);
  const [reason, verdict, exclude] = ["reason", "verdict", "exclude"].map(text);
  return {
    ...(listener && { listener }),
    ...(stage && { stage }),
    ...(from && { from }),
    ...(to && { to }),
    ...(client && { client }),
    ...(reason && { reason }),
    ...(isVerdict(verdict) && { verdict }),
    ...(query.get("not-pass") === "1" && { notPass: true }),
    ...(exclude && { exclude }),
  };
}

function isVerdict(text: string | undefined): text is VerdictKind {
  return text === "pass" || text === "reject" || text === "defer" || text === "disconnect";
}

export function matches(decision: Decision, filter: DecisionFilter): boolean {
  const { listener, stage, from, to, client, reason, verdict, notPass, exclude } = filter;
  const outcome = outcomeOf(decision);
  return (
    (!notPass || outcome !== "pass") &&
    (verdict === undefined || outcome === verdict) &&
    (reason === undefined || decision.reason === reason) &&
    (stage === undefined || decision.stage === stage) &&
    (listener === undefined || decision.listener.toLowerCase() === listener) &&
    (from === undefined || holds(decision.sender, from)) &&
    (to === undefined || holds(decision.recipient, to) || decision.resolved.some((address) => holds(address, to))) &&
    (client === undefined || clientTexts(decision).some((text) => holds(text, client))) &&
    (exclude === undefined ||
      ![...clientTexts(decision), decision.sender, decision.recipient, decision.reason].some((text) => holds(text, exclude)))
  );
}

/** In shadow mode the verdict that was not carried out. */
export function outcomeOf({ verdict, would }: Decision): VerdictKind {
  return would ?? verdict;
}

function clientTexts({ client, clientName, helo }: Decision): readonly string[] {
  return [client, clientName, helo];
}

function holds(text: string, part: string): boolean {
  return text.toLowerCase().includes(part);
}
