/** `postern replay`: which of the decisions in a log would be others by this configuration. */
import { Command } from "commander";
import type { Answer } from "../answer/answer.ts";
import { after } from "../answer/answer.ts";
import type { Configuration, ListenerSettings } from "../config/configuration.ts";
import { openCore } from "../daemon/open-core.ts";
import { serverPort } from "../mail/port.ts";
import type { Core } from "../stage/core.ts";
import { noCertificate } from "../stage/session.ts";
import type { Terms } from "../stage/smtp-command.ts";
import { SmtpSession } from "../stage/smtp-session.ts";
import type { StageResult } from "../stage/stage-result.ts";
import type { Reason, Verdict } from "../stage/verdict.ts";
import { cleanText } from "../text/controls.ts";
import { type ConfigurationOptions, configurationOption, loadOrExplain, stateDirectoryOption } from "./configuration-option.ts";
import { helpText } from "./help-text.ts";
import { linesOf } from "./lines.ts";
import { type LoggedDecision, loggedDecision } from "./logged-decision.ts";
import { linesOfFile, mustBeReadable, UnreadableFile } from "./named-file.ts";
import { RefusedBefore } from "./refused-before.ts";
import { ReplayedState } from "./replayed-state.ts";

interface ReplayOptions extends ConfigurationOptions {
  readonly ask?: boolean;
  readonly json?: boolean;
}

export function replayCommand(): Command {
  return new Command("replay")
    .argument("<log...>", "files with lines of the daemon's log, or - for standard input")
    .addOption(configurationOption())
    .addOption(stateDirectoryOption())
    .option("--ask", "ask databases, servers and the DNS, as they answer now")
    .option("--json", "one JSON object")
    .addHelpText(
      "after",
      helpText(`
Lines of JSON or text, also as journalctl prints them or exports them by -o json; all but decisions are left out. Each decision is made anew from what its
line says, one by one: what the greylist and throttles said of it is taken from the log, and limits of a session are left out. In shadow mode what
would have been counts. Nothing is written.

Exit status: 0 nothing differs, 1 something does or the configuration has errors, 2 a log cannot be read, or none has decisions.`),
    )
    .action(async (logs: readonly string[], options: ReplayOptions) => {
      const configuration = loadOrExplain(options);
      if (configuration === undefined) {
        process.exitCode = 1;
        return;
      }
      const replay = await openReplay(configuration, options.ask ?? false);
      try {
        for (const log of logs) if (log !== "-") await mustBeReadable(log);
        const lacking: string[] = [];
        for (const log of logs) {
          const lack = await replay.read(log);
          if (lack === undefined) continue;
          lacking.push(log);
          process.stderr.write(`${lack}\n`);
        }
        // What the others have is worth seeing.
        if (lacking.length === logs.length) process.exitCode = 2;
        else {
          process.stdout.write(options.json ? `${JSON.stringify(replay.result())}\n` : described(replay.result()));
          if (replay.result().differ > 0) process.exitCode = 1;
        }
      } catch (error) {
        if (!(error instanceof UnreadableFile)) throw error;
        process.stderr.write(`${error.message}\n`);
        process.exitCode = 2;
      } finally {
        await replay.close();
      }
    });
}

/** Decisions that differ alike. */
interface Difference {
  readonly stage: LoggedDecision["stage"];
  readonly before: string;
  readonly now: string;
  count: number;
  readonly examples: string[];
}

interface Result {
  readonly decisions: number;
  readonly differ: number;
  /** A source that was not asked, or did not answer, would have to say. */
  readonly untold: number;
  /** Of limits, which depend on what came before. */
  readonly leftOut: number;
  /** Lines with a part of a decision, or parts of several. */
  readonly broken: number;
  readonly differences: readonly Difference[];
}

const maxExamples = 3;
/** Reasons are few, and replies do not count. */
const maxShown = 100;
const progressLines = 20_000;

async function openReplay(configuration: Configuration, asks: boolean) {
  const state = new ReplayedState();
  const open = openCore(configuration, {
    ...{ now: () => performance.now(), clock: Date.now, readOnly: true, asks },
    leaseState: () => ({ state, release: async () => {} }),
    onAvailability: () => {},
  });
  await open.refresh();
  const differences = new Map<string, Difference>();
  const refusedBefore = new RefusedBefore();
  let lines = 0;
  const counts = { decisions: 0, differ: 0, untold: 0, leftOut: 0, broken: 0 };

  async function decide(logged: LoggedDecision): Promise<void> {
    counts.decisions += 1;
    if (dependsOnOthers(logged)) {
      counts.leftOut += 1;
      return;
    }
    state.logged = logged;
    const answer = verdictOn(logged, refusedBefore, configuration.listeners, open.forRequest());
    compare(logged, answer instanceof Promise ? await answer : answer);
    refusedBefore.note(logged);
  }

  function compare(logged: LoggedDecision, verdict: Verdict): void {
    if (verdict.reason === "unavailable" && logged.reason !== "unavailable") counts.untold += 1;
    else if (!isAlike(logged, verdict)) add(logged, verdict);
  }

  function add(logged: LoggedDecision, verdict: Verdict): void {
    counts.differ += 1;
    const { stage, reason } = logged;
    const [before, now] = [`${outcomeOf(logged)} (${reason})`, `${verdict.kind} (${verdict.reason})`];
    const about = `${stage} ${before} ${now}`;
    const known = differences.get(about);
    const difference = known ?? { stage, before, now, count: 0, examples: [] };
    if (known === undefined && differences.size < maxShown) differences.set(about, difference);
    difference.count += 1;
    if (difference.examples.length < maxExamples) difference.examples.push(exampleOf(logged));
  }

  return {
    /** Yields why it has no decisions, unless it has some or is empty. */
    async read(log: string): Promise<string | undefined> {
      const before = { lines, decisions: counts.decisions, broken: counts.broken };
      for await (const line of log === "-" ? linesOf(process.stdin) : linesOfFile(log)) {
        const tool = lines === before.lines ? toolFor(line) : undefined;
        if (tool !== undefined) return `${nameOf(log)} is compressed: ${tool} FILE | postern replay -`;
        lines += 1;
        if (process.stderr.isTTY && lines % progressLines === 0) process.stderr.write(`\r${lines} lines, ${counts.differ} differ `);
        const logged = loggedDecision(line);
        if (logged === "broken") counts.broken += 1;
        else if (logged !== undefined) await decide(logged);
      }
      if (process.stderr.isTTY && lines >= progressLines) process.stderr.write("\r\x1b[K");
      if (counts.decisions > before.decisions || lines === before.lines) return undefined;
      const why =
        counts.broken > before.broken
          ? "no whole decision: its lines were cut on their way, or have run into each other"
          : "no decisions: it is no log of Postern, or log.level or log.decisions leaves them out";
      return `${nameOf(log)} has ${why}`;
    },
    result: (): Result => ({ ...counts, differences: [...differences.values()].toSorted((a, b) => b.count - a.count) }),
    close: () => open.close(),
  };
}

function nameOf(log: string): string {
  return log === "-" ? "standard input" : log;
}

/** What reads a log that is compressed, by its first line. */
function toolFor(line: string): string | undefined {
  return compressed.find(([, start]) => line.startsWith(start))?.[0];
}

const compressed: readonly (readonly [tool: string, start: string])[] = [
  ["zcat", "\x1f\ufffd\b"],
  ["zstdcat", "(\ufffd/\ufffd"],
  ["xzcat", "\ufffd7zXZ\0"],
  ["bzcat", "BZh"],
];

/** On what came before in its session, or from others. */
function dependsOnOthers({ stage, reason }: LoggedDecision): boolean {
  return !(stage === "ehlo" || stage === "mail" || stage === "rcpt") || limits.has(reason);
}

const limits: ReadonlySet<string> = new Set<Reason>(["too-many-recipients", "too-many-at-once", "rate-limit", "internal-error", "no-mail"]);

/** A session that comes no further than the decision. A stage before it whose refusal has a line of its own holds it up as little as it did then. */
function verdictOn(
  logged: LoggedDecision,
  refusedBefore: RefusedBefore,
  listeners: readonly ListenerSettings[],
  core: Core,
): Answer<Verdict> {
  const { stage, helo, sender, recipient } = logged;
  const smtp = sessionOf(logged, listeners);
  const terms: Terms = { core, isShadow: false, enforcesExtensions: false, mergesRecipients: false };
  const at = (result: StageResult | undefined) => refusalIn(result, logged.reason);
  const hadPassed = { ehlo: !refusedBefore.has(logged, "ehlo"), mail: !refusedBefore.has(logged, "mail") };
  const ehlo = helo === "" ? undefined : smtp.ehlo(helo, "", { ...terms, isShadow: !hadPassed.ehlo });
  return after(ehlo, (named) => {
    if (stage === "ehlo" || (hadPassed.ehlo && at(named).kind !== "pass")) return at(named);
    return after(smtp.mail({ sender, parameters: none, message: "" }, { ...terms, isShadow: !hadPassed.mail }), (mail) => {
      if (stage === "mail" || (hadPassed.mail && at(mail).kind !== "pass")) return at(mail);
      return after(smtp.rcpt({ recipient, parameters: none, message: "" }, terms), at);
    });
  });
}

const none: readonly never[] = [];
const passed: Verdict = { kind: "pass", reason: "pass" };

/** Also one that is not carried out. Of several, each of which has its line, it is the one for that reason. */
function refusalIn(result: StageResult | undefined, reason: string): Verdict {
  if (result === undefined) return passed;
  const all = [...(result.would ?? []), result.verdict];
  return all.find((each) => each.kind !== "pass" && each.reason === reason) ?? all[0] ?? passed;
}

function sessionOf(logged: LoggedDecision, listeners: readonly ListenerSettings[]): SmtpSession {
  const { client, clientName, clientPort, tls, auth } = logged;
  const address = client === "" ? undefined : client;
  const listener = listeners.find(({ name }) => name === logged.listener) ?? listeners[0];
  const smtp = new SmtpSession({
    listener: logged.listener,
    client: { address, name: clientName, port: clientPort },
    server: { address: "", port: serverPort(listener?.localPort, logged.serverPort) },
    trusted: address !== undefined && listener?.trustedNetworks.contains(address) === true,
  });
  smtp.update({ tls, tlsVersion: "", tlsCipher: "", login: auth, certificate: noCertificate });
  return smtp;
}

/** The error that ends a session is one of those before it. */
function isAlike(logged: LoggedDecision, verdict: Verdict): boolean {
  const outcome = outcomeOf(logged);
  return logged.reason === "too-many-errors" ? verdict.kind !== "pass" : outcome === verdict.kind;
}

function outcomeOf({ verdict, would }: LoggedDecision): LoggedDecision["verdict"] {
  return would ?? verdict;
}

function exampleOf({ client, clientName, helo, sender, recipient }: LoggedDecision): string {
  return cleanText(`client ${clientName || "unknown"}[${client}], helo ${helo || "-"}, from <${sender}>, to <${recipient}>`);
}

function described({ decisions, differ, untold, leftOut, broken, differences }: Result): string {
  const lines = [`${decisions === 1 ? "1 decision" : `${decisions} decisions`}: ${differ} would differ`];
  if (untold > 0) lines.push(`${untold} cannot be told: a database, a server or the DNS would have to be asked. --ask does so`);
  if (leftOut > 0) lines.push(`${leftOut} are left out, of limits that depend on what came before`);
  if (broken > 0) lines.push(`left out, since they were cut or ran into each other: ${broken === 1 ? "1 line" : `${broken} lines`}`);
  for (const { stage, before, now, count, examples } of differences)
    lines.push("", `${count} at ${stage.toUpperCase()}: ${cleanText(before)} → ${now}`, ...examples.map((example) => `  ${example}`));
  return `${lines.join("\n")}\n`;
}
