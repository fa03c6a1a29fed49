/** The parts of what an http listener says of the daemon, from what was counted and configured. */
import type { Configuration } from "../config/configuration.ts";
import { formatListenAddress } from "../config/schema/values.ts";
import type { CallProblem } from "../frontend/calls.ts";
import type { ConfigurationInfo, ListenerStatus, Readiness, SourceStatus } from "../frontend/http/api.ts";
import type { Observation, SourceObservation } from "../frontend/http/observation.ts";
import { throttlesOf } from "../stage/stage-settings.ts";
import { callProblemText } from "./log-lines.ts";
import { stateLabel } from "./observer.ts";

/** `state`: why the state cannot tell; `undefined`: it can. */
export function readinessOf(sources: readonly SourceObservation[], state: string | undefined): Readiness {
  const down = sources.filter(({ up }) => !up).map(({ name, lastFailure }) => `${name}: ${lastFailure?.error ?? "unavailable"}`);
  // What was just asked may have failed for the first time.
  const isKnown = state === undefined || sources.some(({ name, up }) => name === stateLabel && !up);
  const reasons = [...down, ...(isKnown ? [] : [`${stateLabel}: ${state}`])];
  return { ready: reasons.length === 0, reasons };
}

/** Of all that refuses, or might. */
export function modesOf({ server, listeners, settings }: Configuration): ConfigurationInfo["modes"] {
  const { ehlo, mail, rcpt } = settings;
  const stages = Object.entries({ ehlo, mail, rcpt });
  return [
    { what: "server", mode: server.mode },
    ...listeners.map(({ name, mode }) => ({ what: `listener ${name}`, mode })),
    ...stages.flatMap(([stage, { mode, deny }]) => [
      { what: `session.${stage}`, mode },
      ...deny.map((denial) => ({ what: `session.${stage}.${denial.title}`, mode: denial.mode })),
    ]),
    ...(rcpt.greylist.enable.constant === 0 ? [] : [{ what: "session.rcpt.greylist", mode: rcpt.greylist.mode }]),
    ...throttlesOf(settings).map(({ name, mode }) => ({ what: `throttle ${name}`, mode })),
  ];
}

export function listenerStatus(
  { name, protocol, bind, mode }: Configuration["listeners"][number],
  { listeners, decisions, called }: Observation,
): ListenerStatus {
  const observed = listeners.find((one) => one.name === name);
  const calls = called.find((one) => one.name === name)?.calls;
  const stages: Record<string, number> = {};
  for (const { listener, stage, count } of decisions) if (listener === name) stages[stage] = (stages[stage] ?? 0) + count;
  return {
    ...{ name, protocol, mode, stages },
    addresses: bind.map(formatListenAddress),
    mta: calls?.mta ?? null,
    places: calls?.places ?? [],
    connections: observed?.connections ?? 0,
    decisions: Object.values(stages).reduce((sum, count) => sum + count, 0),
    lastDecision: observed?.lastDecision === undefined ? null : timeOf(observed.lastDecision),
  };
}

export function unaskedText(problem: CallProblem): string {
  return `${"keys" in problem ? problem.keys.join(", ") : `listener ${problem.listener}`}: ${callProblemText(problem)}.`;
}

export function sourceStatus({ name, up, since, failures, seconds, lastFailure }: SourceObservation): SourceStatus {
  const { count, sum, max } = seconds;
  return {
    ...{ name, up, questions: count, failures },
    since: since === undefined ? null : timeOf(since),
    meanSeconds: count === 0 ? null : sum / count,
    maxSeconds: count === 0 ? null : max,
    lastFailure: lastFailure === undefined ? null : { time: timeOf(lastFailure.at), error: lastFailure.error },
  };
}

/** As RFC 3339 has it. */
export function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
