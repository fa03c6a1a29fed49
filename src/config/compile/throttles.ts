/** `[[session.throttle]]`: each throttle with the stage at which what it counts is known. */
import { createHash } from "node:crypto";
import { type Settings, type Throttle, type ThrottleStage, throttleKeys } from "../../stage/stage-settings.ts";
import { variablesOf } from "../../stage/vocabulary.ts";
import type { Document } from "../schema/schema.ts";
import { parseRate } from "../schema/values.ts";
import type { Build } from "./context.ts";
import type { Rules } from "./rules.ts";

export function buildThrottles({ document }: Build, rules: Rules): Settings["throttles"] {
  const stages: Record<ThrottleStage, Throttle[]> = { connect: [], mail: [], rcpt: [] };
  /** By all that tells throttles apart: how many there are. */
  const alike = new Map<string, number>();
  for (const [index, written] of document.session.throttle.entries()) {
    const { rule, written: match } = rules.compile(written.match, ["session", "throttle", index, "match"], "rcpt");
    written.match = match;
    // One that will not do has been told of, and the configuration is not used.
    const rate = parseRate(written.rate);
    if (!written.enable || rate === undefined) continue;
    const key = throttleKeys.filter((name) => written.key.includes(name));
    const variables = new Set([...key, ...rule.variables]);
    const what = JSON.stringify([match, key, rate, written.count, written.window]);
    const copies = alike.get(what) ?? 0;
    alike.set(what, copies + 1);
    stages[stageOf(variables, written.count)].push({
      ...{ id: idOf(what, copies), title: titleOf(written.rate, key), match: rule, key, ...rate, window: written.window },
      counts: written.count ?? (key.includes("rcpt_domain") && !key.includes("rcpt") ? "messages" : "recipients"),
      onStoreFailure: written["on-store-failure"],
    });
  }
  return stages;
}

const connection = ["listener", "remote_ip", "remote_port", "local_ip", "local_port", "protocol", "is_trusted"];

function stageOf(variables: ReadonlySet<string>, count: Document["session"]["throttle"][number]["count"]): ThrottleStage {
  if (count !== undefined) return "rcpt";
  const names = [...variables];
  if (names.every((name) => connection.includes(name))) return "connect";
  return names.every((name) => variablesOf.mail.has(name)) ? "mail" : "rcpt";
}

/** Not its place in the list: another throttle before it must not make it forget. */
function idOf(what: string, copies: number): string {
  return createHash("sha256").update(`${what} ${copies}`).digest("base64url").slice(0, 12);
}

function titleOf(rate: string, key: readonly string[]): string {
  return key.length === 0 ? rate : `${rate} by ${key.join(", ")}`;
}
