/** What a configuration needs only later is loaded soon after it: an upgrade may remove the files while the daemon runs. */
import type { Configuration } from "../config/configuration.ts";
import { loadModule } from "../text/on-demand.ts";

type Load = () => unknown;

/** The first clients are answered before. */
const afterMs = 1000;

/** One in a turn of the loop. */
export function preload(loads: readonly Load[]): void {
  setTimeout(() => loadFrom(loads, 0), afterMs).unref();
}

function loadFrom(loads: readonly Load[], index: number): void {
  const load = loads[index];
  if (load === undefined) return;
  void attempt(load).then(() => setImmediate(() => loadFrom(loads, index + 1)).unref());
}

/** Whoever needs it meets the same problem, and reports it. */
async function attempt(load: Load): Promise<void> {
  try {
    await load();
  } catch {}
}

/** What sessions may ask for, and what a client sends may need. Drivers of databases are loaded already. */
export function neededBySessions({ settings, asksSpf, directories, scriptsByStage }: Configuration): readonly Load[] {
  const { greylist } = settings.rcpt;
  const hasScripts = Object.values(scriptsByStage).some((scripts) => scripts.length > 0);
  const callsAhead = [...directories.values()].some(({ type }) => type === "smtp" || type === "lmtp");
  return [
    // Of a domain that is not ASCII, and of a pattern that a rule computes.
    ...modules("tr46", "re2js"),
    ...(greylist.enable.constant !== 0 || hasScripts ? modules("tldts") : []),
    ...(asksSpf ? modules("mailauth/lib/spf/spf-verify.js") : []),
    ...(callsAhead ? [() => import("../directory/call-ahead/smtp-connection.ts")] : []),
  ];
}

/** What an http listener shows to those who ask. */
export function neededByHttp(loadConsole: Load): readonly Load[] {
  return [...modules("prom-client"), loadConsole];
}

function modules(...names: readonly string[]): readonly Load[] {
  return names.map((name) => () => loadModule(name));
}
