/** Which stages a policy request asks for: by the state of the SMTP session, limited by policy_context. */
import type { RcptPart } from "../../stage/smtp-command.ts";
import type { Call } from "../calls.ts";

/** The same object for the same state and context. */
export interface Plan extends Call {
  /** A new SMTP session begins. */
  readonly begins: boolean;
  readonly rcpt: RcptPart | undefined;
  readonly vrfy: boolean;
}

const nothing: Plan = { place: "another state", begins: false, connect: false, ehlo: false, mail: false, rcpt: undefined, vrfy: false };

/** Earlier stages are asked for again, since the MTA may have put them off (smtpd_delay_reject). */
const byState: ReadonlyMap<string, Plan> = new Map([
  ["CONNECT", { ...nothing, begins: true, connect: true }],
  ["XCLIENT", { ...nothing, begins: true, connect: true }],
  ["HELO", { ...nothing, connect: true, ehlo: true }],
  ["EHLO", { ...nothing, connect: true, ehlo: true }],
  ["MAIL", { ...nothing, connect: true, ehlo: true, mail: true }],
  ["RCPT", { ...nothing, connect: true, ehlo: true, mail: true, rcpt: "all" }],
  ["VRFY", { ...nothing, vrfy: true }],
]);

type Limit = (plan: Plan) => Plan;

const only = (part: Partial<Plan>, { begins }: Plan): Plan => ({ ...nothing, ...part, begins });

const states = [...byState.keys(), "DATA", "END-OF-MESSAGE", "ETRN"];

/** The names of the restriction lists of Postfix. */
const byContext: ReadonlyMap<string, Limit> = new Map<string, Limit>([
  ["", (plan) => plan],
  ["client", (plan) => only({ connect: plan.connect }, plan)],
  ["helo", (plan) => only({ ehlo: plan.ehlo }, plan)],
  ["sender", (plan) => only({ mail: plan.mail }, plan)],
  ["relay", (plan) => only({ rcpt: plan.rcpt === undefined ? undefined : "relay", vrfy: plan.vrfy }, plan)],
  ["recipient", (plan) => only({ rcpt: plan.rcpt, vrfy: plan.vrfy }, plan)],
  ["data", (plan) => only({}, plan)],
  ["eod", (plan) => only({}, plan)],
]);

const plans: ReadonlyMap<string, ReadonlyMap<string, Plan>> = new Map(
  [...byContext].map(([context, limit]) => [
    context,
    new Map(
      states.map((state) => [state, { ...limit(byState.get(state) ?? nothing), place: context === "" ? state : `${state}, ${context}` }]),
    ),
  ]),
);

export function isKnownContext(context: string): boolean {
  return byContext.has(context);
}

/** An unknown context is as none. */
export function planOf(state: string, context: string): Plan {
  return (plans.get(context) ?? plans.get(""))?.get(state) ?? nothing;
}
