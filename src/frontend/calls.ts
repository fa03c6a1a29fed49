/** By what a listener is called: which stages the MTA asks about, and from where. And what is configured, but never asked about. */
import { asBoolean } from "../expr/result.ts";
import type { Rule, Settings } from "../stage/stage-settings.ts";
import { loggable } from "./decision.ts";

/** What a request asks about. */
export interface Call {
  /** For people: the state of the SMTP session, and the restriction list if the MTA says it. There are only so many. */
  readonly place: string;
  readonly connect: boolean;
  readonly ehlo: boolean;
  readonly mail: boolean;
  /** `undefined`: not. */
  readonly rcpt: unknown;
}

export type CalledStage = "connect" | "ehlo" | "mail" | "rcpt";

export interface CallsStatus {
  /** Requests that passed: whoever was refused comes no further. */
  readonly passed: number;
  /** How many of them asked about each stage. */
  readonly stages: Readonly<Record<CalledStage, number>>;
  readonly places: readonly { readonly place: string; readonly count: number }[];
  /** Recipients that were asked about again, by requests that name no restriction list. */
  readonly repeated: number;
  /** The name or the version of the MTA, as a milter was told last. */
  readonly mta?: string | undefined;
}

/** Of one listener. */
export class Calls {
  readonly #counts = new Map<Call, number>();
  #repeated = 0;
  #mta: string | undefined;

  /** A request passed. Calls are kept: the same place is the same object. */
  passed(call: Call): void {
    this.#counts.set(call, (this.#counts.get(call) ?? 0) + 1);
  }

  repeated(): void {
    this.#repeated += 1;
  }

  /** The MTA told its version; `undefined`: it did not. */
  by(mta: string | undefined): void {
    if (mta !== undefined) this.#mta = mta;
  }

  status(): CallsStatus {
    const stages = { connect: 0, ehlo: 0, mail: 0, rcpt: 0 };
    let passed = 0;
    for (const [call, count] of this.#counts) {
      passed += count;
      if (call.connect) stages.connect += count;
      if (call.ehlo) stages.ehlo += count;
      if (call.mail) stages.mail += count;
      if (call.rcpt !== undefined) stages.rcpt += count;
    }
    const places = [...this.#counts].map(([{ place }, count]) => ({ place, count }));
    const mta = this.#mta === undefined ? undefined : loggable(this.#mta);
    return { passed, stages, places, repeated: this.#repeated, ...(mta !== undefined && { mta }) };
  }
}

/** One of each name, where several processes have the same listener. */
export function sumOfCalled(called: readonly CalledListener[]): readonly CalledListener[] {
  const sums = new Map<string, CalledListener>();
  for (const each of called) {
    const sum = sums.get(each.name);
    sums.set(each.name, sum === undefined ? each : { ...sum, calls: sumOfCalls(sum.calls, each.calls) });
  }
  return [...sums.values()];
}

function sumOfCalls(a: CallsStatus, b: CallsStatus): CallsStatus {
  const places = new Map<string, number>();
  for (const { place, count } of [...a.places, ...b.places]) places.set(place, (places.get(place) ?? 0) + count);
  const stage = (name: CalledStage) => a.stages[name] + b.stages[name];
  return {
    passed: a.passed + b.passed,
    stages: { connect: stage("connect"), ehlo: stage("ehlo"), mail: stage("mail"), rcpt: stage("rcpt") },
    places: [...places].map(([place, count]) => ({ place, count })),
    repeated: a.repeated + b.repeated,
    ...((a.mta ?? b.mta) !== undefined && { mta: a.mta ?? b.mta }),
  };
}

/** What is configured and can never happen, or happens in vain. */
export type CallProblem =
  /** No listener is asked about the stage; `keys` are the settings that need it. */
  | { readonly kind: "stage-not-asked"; readonly stage: CalledStage; readonly keys: readonly string[]; readonly places: readonly string[] }
  /** This milter hears of senders, and never of recipients. */
  | { readonly kind: "recipients-not-asked"; readonly listener: string }
  /** Many recipients are asked about twice, for no list in particular. */
  | { readonly kind: "asked-twice"; readonly listener: string; readonly places: readonly string[] }
  /** Names and connections are asked about only with recipients, so that nothing is known of clients that never come so far. */
  | { readonly kind: "asked-late"; readonly keys: readonly string[] };

/** What two problems have in common if they are one, later and earlier. */
export function aboutCall(problem: CallProblem): string {
  return [problem.kind, "stage" in problem ? problem.stage : "", "listener" in problem ? problem.listener : ""].join(" ");
}

export interface CalledListener {
  readonly name: string;
  readonly protocol: "policy" | "milter";
  readonly calls: CallsStatus;
}

/** Requests after which it is said. */
const enough = 200;

export function callProblems(listeners: readonly CalledListener[], settings: Settings): readonly CallProblem[] {
  return [...ofStages(listeners, settings), ...listeners.flatMap(ofListener)];
}

function ofStages(listeners: readonly CalledListener[], settings: Settings): readonly CallProblem[] {
  const sum = (count: (calls: CallsStatus) => number) => listeners.reduce((total, { calls }) => total + count(calls), 0);
  if (sum(({ passed }) => passed) < enough) return [];
  const keys = keysOf(settings);
  const places = [...new Set(listeners.flatMap(({ calls }) => calls.places.map(({ place }) => place)))];
  const problems: CallProblem[] = calledStages
    .filter((stage) => keys[stage].length > 0 && sum(({ stages }) => stages[stage]) === 0)
    .map((stage) => ({ kind: "stage-not-asked", stage, keys: keys[stage], places }));
  const early = [...keys.connect, ...keys.ehlo];
  const isLate = places.every((place) => place.startsWith("RCPT"));
  if (problems.length === 0 && isLate && early.length > 0) problems.push({ kind: "asked-late", keys: early });
  return problems;
}

function ofListener({ name, protocol, calls }: CalledListener): readonly CallProblem[] {
  const { stages, repeated, places } = calls;
  if (protocol === "milter" && stages.mail >= enough && stages.rcpt === 0) return [{ kind: "recipients-not-asked", listener: name }];
  const isTwice = protocol === "policy" && stages.rcpt >= enough && repeated * 3 > stages.rcpt;
  const asked = places.map(({ place }) => place).filter((place) => place.startsWith("RCPT"));
  return isTwice ? [{ kind: "asked-twice", listener: name, places: asked }] : [];
}

const calledStages: readonly CalledStage[] = ["connect", "ehlo", "mail", "rcpt"];

/** The settings that somebody has made to refuse something at each stage. */
function keysOf({ ehlo, senderAuth, auth, mail, rcpt, throttles }: Settings): Readonly<Record<CalledStage, readonly string[]>> {
  const named = (...keys: readonly (readonly [isSet: boolean, key: string])[]) => keys.flatMap(([isSet, key]) => (isSet ? [key] : []));
  const isVerified = (rule: Rule | undefined) => rule !== undefined;
  const mayBe = ({ constant = 1 }: Rule) => asBoolean(constant);
  return {
    connect: named([throttles.connect.length > 0, "session.throttle"]),
    ehlo: named(
      [ehlo.blocklist.length > 0, "session.ehlo.blocklist"],
      [isVerified(senderAuth.spfEhlo), "auth.spf.verify.ehlo"],
      [ehlo.deny.length > 0, "session.ehlo.deny"],
      [ehlo.script !== undefined, "session.ehlo.script"],
    ),
    mail: named(
      [isVerified(senderAuth.iprev), "auth.iprev.verify"],
      [isVerified(senderAuth.spfMail), "auth.spf.verify.mail-from"],
      [!asBoolean(mail.isAllowed.constant ?? 0), "session.mail.is-allowed"],
      [mayBe(auth.mustMatchSender), "session.auth.must-match-sender"],
      [mail.deny.length > 0, "session.mail.deny"],
      [mail.script !== undefined, "session.mail.script"],
      [throttles.mail.length > 0, "session.throttle"],
    ),
    rcpt: named(
      [true, "session.rcpt"],
      [mayBe(rcpt.greylist.enable), "session.rcpt.greylist"],
      [throttles.rcpt.length + throttles.errors.length > 0, "session.throttle"],
    ),
  };
}
