/** What the log says: each thing that an administrator should know, in a line with its level, its fields and its text. */
import type { Logger } from "pino";
import { type OnAvailability, reportOutages } from "../answer/availability.ts";
import type { LoggedDecisions } from "../config/configuration.ts";
import { takesAllText } from "../directory/call-ahead.ts";
import type { FileNews } from "../file/watched-file.ts";
import type { CalledStage, CallProblem } from "../frontend/calls.ts";
import type { Decision } from "../frontend/decision.ts";
import type { Notice } from "../frontend/notice.ts";
import type { WrittenDecision } from "../frontend/written-decision.ts";
import type { FailedScript, ScriptLine } from "../stage/core.ts";
import type { Throttle } from "../stage/stage-settings.ts";
import type { OtherDaemon } from "../state/sqlite/sole-use.ts";
import { stackOf } from "../text/error-message.ts";
import { messageOf } from "./message-of.ts";
import type { LineLog } from "./remarks.ts";
import type { Summed } from "./summary.ts";
import type { KeyAtLimit } from "./throttled-keys.ts";

export function isLogged({ stage, verdict, would }: Pick<Decision, "stage" | "verdict" | "would">, decisions: LoggedDecisions): boolean {
  if (decisions === "all") return true;
  if (decisions === "none") return false;
  return verdict !== "pass" || would !== undefined || (decisions === "recipients" && stage === "rcpt");
}

/** Decisions are `info`. */
export function logDecision(logger: Logger, decision: WrittenDecision): void {
  logger.info(decision);
}

export function logPostmaster(logger: LineLog, recipient: string): void {
  logger.warn({ event: "postmaster", recipient }, "accepted although the directory does not know it. Give it a mailbox or an alias");
}

export function logNotice(logger: LineLog, notice: Notice): void {
  const { kind, ...facts } = notice;
  const fields = { event: kind, ...facts };
  switch (notice.kind) {
    case "delivered-elsewhere":
      logger.warn(fields, "accepted, but the policy protocol cannot redirect: the MTA itself must deliver to the resolved address");
      return;
    case "no-instance":
      logger.warn(
        fields,
        "requests without an instance: all recipients of one sender in a connection count as one message. Send an instance, as Postfix does",
      );
      return;
    case "unknown-context":
      logger.warn(fields, "unknown policy_context, treated as empty. Use client, helo, sender, relay, recipient, data or eod");
      return;
    case "unknown-map":
      logger.error(fields, "no such map; Postfix defers, Sendmail continues without it. Correct the MTA's configuration");
      return;
    case "alias-loop":
      logger.warn(fields, "alias loop; the aliases map leaves this address unchanged");
      return;
    case "map-unavailable":
      logger.warn({ ...fields, error: messageOf(notice.error) }, "map unavailable; the MTA will retry");
      return;
    case "extension-observed":
      logger.info(
        fields,
        'accepted because extensions = "observe"; "enforce" would refuse it. First stop the MTA from offering the extension',
      );
      return;
    case "unwritable-address":
      logger.error(
        fields,
        "resolves to an address without a domain, or one that no MTA accepts; mail is delivered to the address as given. Correct the directory",
      );
      return;
    case "changes-not-offered":
      logger.error(
        fields,
        "the MTA does not allow changes of recipients; mail is delivered to the addresses as given. Let it offer all milter actions",
      );
      return;
    case "too-many-at-once":
      logger.error(
        fields,
        `recipients of all messages under way take ${notice.limitOctets} octets; further ones get 452 until messages end. Lower max-recipients, or find in the log who sends so many`,
      );
      return;
    case "no-room":
      logger.error(
        fields,
        `connections have begun requests of ${notice.limitOctets} octets and do not finish them; a long request got a temporary error. Let only the MTA connect to the listeners`,
      );
      return;
    case "protocol-error":
      logger.warn(fields, "protocol error; the connection was closed");
      return;
    case "connections-full":
      logger.error(
        fields,
        "too many connections; a new one takes the place of one that is idle, or is closed if none is. Raise max-connections of the listener",
      );
      return;
    case "connections-free":
      logger.warn(fields, "connections are accepted again");
      return;
    case "wrong-token":
      logger.warn(fields, "somebody came without the token of this listener");
      return;
    case "internal-error":
      logger.error({ ...fields, error: stackOf(notice.error) }, "a bug: the request was deferred");
      return;
    case "http-error":
      logger.error({ ...fields, error: stackOf(notice.error) }, "a bug: the request was answered with status 500; mail is not affected");
      return;
  }
}

/** What the configuration says, and the MTA never asks about. */
export function logCallProblem(logger: Logger, problem: CallProblem): void {
  const { kind, ...facts } = problem;
  const level = kind === "asked-late" ? "info" : "warn";
  logger[level]({ event: kind, ...facts }, callProblemText(problem));
}

export function callProblemText(problem: CallProblem): string {
  switch (problem.kind) {
    case "stage-not-asked":
      return `the MTA never asks about this stage, so these settings have no effect. ${whereToName[problem.stage]}`;
    case "recipients-not-asked":
      return "the MTA gives this milter no recipients, which therefore pass unseen. Let it send RCPT to the milter";
    case "asked-twice":
      return "recipients are asked about several times. Name the service in one restriction list only, or say in each which it is by policy_context";
    case "asked-late":
      return (
        "the MTA asks only when a client names a recipient, so clients that name none are neither refused nor counted. " +
        "Set smtpd_delay_reject = no, and name the service in smtpd_client_restrictions or smtpd_helo_restrictions, if that matters"
      );
  }
}

const namedIn = (list: string, context: string) =>
  `Name the service in ${list}, without a policy_context or with policy_context = ${context}`;

const whereToName: Readonly<Record<CalledStage, string>> = {
  connect: namedIn("smtpd_client_restrictions", "client"),
  ehlo: namedIn("smtpd_helo_restrictions", "helo"),
  mail: namedIn("smtpd_sender_restrictions", "sender"),
  rcpt: namedIn("smtpd_recipient_restrictions", "recipient"),
};

export function logScriptFailure(logger: LineLog, { stage, script, line, column, message, cause }: FailedScript): void {
  const place = { event: "script", stage, ...(script !== undefined && { script, line, column }) };
  logger.warn({ ...place, error: messageOf(new Error(message, { cause })) }, "script stopped by an error; sieve.trusted.on-error applies");
}

export function logSummary(logger: Logger, { since, decisions, counts }: Summed): void {
  logger.info({ event: "summary", since: new Date(since).toISOString(), decisions, counts }, `${decisions} decisions`);
}

/** What a script has to say, by its command `log`. */
export function logScriptLine(logger: Logger, { stage, script, line, text }: ScriptLine): void {
  logger.info({ event: "script", stage, script, line }, text);
}

/** A store became unavailable, or is available again. As loud in both cases: who reads only warnings sees the end, too. */
export function logSource(logger: Logger, source: string, up: boolean, cause: unknown): void {
  const place = { event: "source", source };
  if (up) logger.warn(place, "available again");
  else logger.warn({ ...place, error: messageOf(cause) }, "source unavailable; affected recipients are deferred");
}

/** A directory that asks a server which delivers. */
export function logTakesAll(logger: Logger, directory: string, domain: string, takesAll: boolean): void {
  const place = { event: "directory", directory, domain };
  logger.warn(place, takesAll ? takesAllText : "the server refuses unknown addresses again, and recipients are checked");
}

/** A file that is read again when it changes. Warnings are followed by one that all is well, for who reads only those. */
export function logFile(logger: Logger, source: string, news: FileNews): void {
  const { kind, ...facts } = news;
  const place = { event: "source", source };
  switch (news.kind) {
    case "writing":
      logger.info(
        { ...place, ...facts },
        `being written while it is read, so perhaps not whole yet: what it does not have is deferred for ${news.seconds} s. A new file that is renamed is believed at once`,
      );
      return;
    case "changing":
      logger.info(
        { ...place, ...facts },
        `being written in place; taken when unchanged for ${news.seconds} s. A new file that is renamed is taken at once`,
      );
      return;
    case "lost":
      logger.warn(
        { ...place, ...facts },
        `lost most of its entries; the previous contents stay in use until it has been so for ${news.seconds} s. To change it at once, rename a new file`,
      );
      return;
    case "failed":
      logger.warn({ ...place, error: messageOf(news.problem) }, "reload failed; the previous contents stay in use");
      return;
    case "taken":
      if (news.warnings.length > 0)
        logger.warn({ ...place, entries: news.entries, warnings: news.warnings.join("\n") }, "file read, with warnings");
      else logger[news.wasWarned ? "warn" : "info"]({ ...place, entries: news.entries }, "file read");
      return;
    case "restored":
      logger[news.wasWarned ? "warn" : "info"](place, "available again");
      return;
  }
}

/** A DNS list cannot tell, or works again. */
export function logDnsList(logger: Logger, list: string, up: boolean, cause: unknown): void {
  const place = { event: "dns-list", list };
  if (up) logger.warn(place, "works again");
  else
    logger.warn(
      { ...place, error: messageOf(cause) },
      "DNS list cannot tell; rules go on as if nothing were listed, and what a listing might have let pass is deferred, not refused",
    );
}

export function logStateStore(logger: Logger, source: string, up: boolean, cause: unknown): void {
  const place = { event: "state", source };
  if (up) logger.warn(place, "available again");
  else logger.warn({ ...place, error: messageOf(cause) }, "state store unavailable; on-store-failure applies");
}

/** Decisions for people to search; mail does not need them. */
export function logArchive(logger: Logger, file: string, up: boolean, cause: unknown): void {
  const place = { event: "decisions", file };
  if (up) logger.warn(place, "decisions are kept again");
  else
    logger.warn(
      { ...place, error: messageOf(cause) },
      "decisions cannot be kept in this file, and are missing there; mail is not affected. Free the disk, or remove the file if it is broken",
    );
}

/** Two daemons keep their state in one file, or do so no longer. */
export function logOtherDaemon(logger: Logger, file: string, other: OtherDaemon | undefined): void {
  if (other === undefined) logger.warn({ event: "state", file }, "no other daemon uses this file any more");
  else
    logger.warn(
      { event: "state", file, pid: other.pid },
      "another daemon uses this file, too. Stop one, or give each a server.state-directory of its own",
    );
}

export function logWaitingFull(logger: Logger, client: string): void {
  logger.warn(
    { event: "greylist", client },
    "too many entries of this client wait for a retry; further first attempts are refused without one. See session.rcpt.greylist.max-waiting",
  );
}

export function logNotExpired(logger: Logger, why: string): void {
  logger.warn({ event: "state", error: why }, "entries that expired are not removed from the state store; mail is not affected");
}

/** For `logSource` and `logStateStore`: a line for each outage, and one when it is over. */
export function logOutages(log: OnAvailability): OnAvailability {
  return reportOutages(log, (call, ms) => {
    const timer = setTimeout(call, ms).unref();
    return () => clearTimeout(timer);
  });
}

export function logThrottled(logger: Logger, { throttle: { name, title }, key }: KeyAtLimit): void {
  logger.warn(
    { event: "throttle", throttle: name, key },
    `reached its limit, ${title}; what comes beyond it is refused. \`postern throttle reset\` lets it begin again`,
  );
}

export function logThrottleOver(logger: Logger, { throttle: { name, title }, key, refused }: KeyAtLimit): void {
  logger.warn({ event: "throttle", throttle: name, key, refused }, `no longer at its limit, ${title}`);
}

export function logThrottledFull(logger: Logger, { name, title }: Pick<Throttle, "name" | "title">): void {
  logger.warn(
    { event: "throttle", throttle: name },
    `many keys are at their limit, ${title}; further ones are refused without a line of their own. See \`postern throttle list --near\``,
  );
}

/** Another worker stopped answering this one, or answers again. */
export function logWorker(logger: Logger, name: string, up: boolean): void {
  if (up) logger.info({ event: "worker" }, `${name} answers again`);
  else logger.warn({ event: "worker" }, `${name} does not answer; this worker decides for its sessions`);
}
