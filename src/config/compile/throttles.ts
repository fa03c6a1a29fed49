/** `[[session.throttle]]`: each throttle with the stage at which what it counts is known. */
import { createHash } from "node:crypto";
import { type Settings, type Throttle, type ThrottleStage, throttleKeys } from "../../stage/stage-settings.ts";
import { variablesOf } from "../../stage/vocabulary.ts";
import type { Normalised } from "../normalise.ts";
import { formatRules } from "../syntax/rule-set.ts";
import type { KeyPath } from "../syntax/tree.ts";
import type { CompileContext } from "./context.ts";
import type { RuleCompiler } from "./rules.ts";

export function compileThrottles({ session }: Normalised, rules: RuleCompiler, { report }: CompileContext): Settings["throttles"] {
  const stages: Record<ThrottleStage, Throttle[]> = { connect: [], mail: [], rcpt: [], errors: [] };
  /** By all in which throttles differ: how many there are. */
  const alike = new Map<string, number>();
  const names = new Set<string>();
  for (const [index, { match, rate, window, count, ...written }] of session.throttle.entries()) {
    const path: KeyPath = ["session", "throttle", index];
    const rule = rules.compile(match, [...path, "match"]);
    const name = written.name ?? String(index + 1);
    if (names.has(name)) report.error([...path, "name"], `another throttle is "${name}" already. Give each a name of its own.`);
    names.add(name);
    if (!written.enable) continue;
    const key = throttleKeys.filter((name) => written.key.includes(name));
    const variables = new Set([...key, ...rule.variables]);
    const ipv6Prefix = written["ipv6-prefix"];
    const what = JSON.stringify([formatRules(match), key, rate.value, count, window, ...(ipv6Prefix === 64 ? [] : [ipv6Prefix])]);
    const copies = alike.get(what) ?? 0;
    alike.set(what, copies + 1);
    stages[stageOf(variables, count)].push({
      ...{
        id: idOf(what, copies),
        name,
        mode: written.mode,
        title: titleOf(rate.written, key),
        match: rule,
        key,
        ipv6Prefix,
        ...rate.value,
        window,
      },
      counts: count ?? (key.includes("rcpt_domain") && !key.includes("rcpt") ? "messages" : "recipients"),
      onStoreFailure: written["on-store-failure"],
    });
  }
  return stages;
}

const connection = ["listener", "remote_ip", "remote_port", "local_ip", "local_port", "protocol", "is_trusted"];

function stageOf(variables: ReadonlySet<string>, count: Throttle["counts"] | undefined): ThrottleStage {
  if (count !== undefined) return count === "errors" ? "errors" : "rcpt";
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
