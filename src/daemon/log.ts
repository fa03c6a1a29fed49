/** Log lines on standard output: JSON, or `key=value` text for people. */

import { type DestinationStream, destination, type Logger, pino, stdTimeFunctions } from "pino";
import { FileProblem } from "../file/watched-file.ts";
import type { Decision } from "../frontend/decision.ts";
import type { Notice } from "../frontend/notice.ts";
import type { FailedScript } from "../stage/core.ts";

export type { Logger } from "pino";

export interface LogSettings {
  readonly level: "error" | "warn" | "info" | "debug";
  readonly format: "json" | "text";
}

export interface Log {
  readonly logger: Logger;
  readonly format: LogSettings["format"];
  /** Writes out what is still held; call it before the process ends. */
  flush(): void;
}

/** Of a process that shares its standard output with others. */
export interface SharedLog {
  /** Stands in each line. */
  readonly worker?: number;
}

export function openLog({ level, format }: LogSettings, shared?: SharedLog): Log {
  // Writes of this size are whole in a pipe (PIPE_BUF), so that lines of several processes do not mix.
  const output = destination({ dest: 1, sync: false, ...(shared && { maxWrite: 4096 }) });
  const stream: DestinationStream = format === "json" ? output : { write: (line) => output.write(textLine(line)) };
  const logger = pino(
    {
      level,
      base: shared?.worker === undefined ? null : { worker: shared.worker },
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    stream,
  );
  return {
    logger,
    format,
    flush() {
      try {
        output.flushSync();
      } catch {
        // Nobody reads standard output any more; there is nowhere left to say so.
      }
    },
  };
}

function textLine(json: string): string {
  // pino writes what JSON.stringify would.
  const { time, level, msg, ...rest } = JSON.parse(json) as Record<string, unknown>;
  const pairs = Object.entries(rest)
    .filter(([, value]) => value !== null && value !== "")
    .map(([key, value]) => `${key}=${typeof value === "string" ? quoted(value) : JSON.stringify(value)}`);
  return `${[time, level, msg, ...pairs].filter((part) => part !== undefined).join(" ")}\n`;
}

function quoted(text: string): string {
  return /^[^\s"=]+$/.test(text) ? text : JSON.stringify(text);
}

/** Decisions are `info`; `cause` is why a source could not tell. */
export function logDecision(logger: Logger, decision: Decision, cause: unknown): void {
  logger.info(cause === undefined ? decision : { ...decision, error: messageOf(cause) });
}

export function logNotice(logger: Logger, notice: Notice): void {
  const { kind, ...facts } = notice;
  const fields = { event: kind, ...facts };
  switch (notice.kind) {
    case "delivered-elsewhere":
      logger.warn(fields, "this recipient passed, but the MTA must deliver it elsewhere: a policy reply cannot tell it where");
      return;
    case "no-instance":
      logger.warn(
        fields,
        "requests have no instance: all recipients of one sender in a connection count as one message. Send one, as Postfix does",
      );
      return;
    case "unknown-context":
      logger.warn(fields, "unknown policy_context; it counts as none. Use client, helo, sender, relay, recipient, data or eod");
      return;
    case "unknown-map":
      logger.error(fields, "there is no map of this name; Postfix defers, Sendmail goes on without it. Correct the MTA's configuration");
      return;
    case "alias-loop":
      logger.warn(fields, "this address leads back to itself; the aliases map leaves it as it is");
      return;
    case "map-unavailable":
      logger.warn({ ...fields, error: messageOf(notice.error) }, "a map cannot tell; the MTA tries again");
      return;
    case "extension-observed":
      logger.info(fields, 'passed, since extensions = "observe"; enforce would refuse it. Have the MTA not offer the extension first');
      return;
    case "unwritable-address":
      logger.error(fields, "this address resolves to one that no MTA takes; mail for it is delivered as given. Correct the directory");
      return;
    case "changes-not-offered":
      logger.error(fields, "the MTA does not let recipients be changed; mail is delivered as given. Let it offer all milter actions");
      return;
    case "protocol-error":
      logger.warn(fields, "the peer broke the protocol; its connection was closed");
      return;
    case "connections-full":
      logger.error(fields, "too many connections; further ones are closed. Raise max-connections of the listener");
      return;
    case "connections-free":
      logger.warn(fields, "connections are taken again");
      return;
    case "internal-error":
      logger.error(
        { ...fields, error: notice.error instanceof Error ? notice.error.stack : String(notice.error) },
        "a bug: the request was deferred",
      );
      return;
  }
}

export function logScriptFailure(logger: Logger, { stage, script, line, column, message, cause }: FailedScript): void {
  const place = { event: "script", stage, ...(script !== undefined && { script, line, column }) };
  logger.warn(
    { ...place, error: messageOf(new Error(message, { cause })) },
    "a script was stopped; sieve.trusted.on-error decides what becomes of the command",
  );
}

/** A store, file or list went away (`up` is false), or came back. */
export function logSource(logger: Logger, source: string, up: boolean, cause: unknown): void {
  const place = { event: "source", source };
  if (up) logger.warn(place, "works again");
  else if (cause instanceof FileProblem)
    logger.warn({ ...place, error: messageOf(cause) }, "cannot be read again; what it held before serves on");
  else logger.warn({ ...place, error: messageOf(cause) }, "does not work; what it cannot tell is deferred");
}

export function logStateStore(logger: Logger, source: string, up: boolean, cause: unknown): void {
  const place = { event: "state", source };
  if (up) logger.warn(place, "works again");
  else logger.warn({ ...place, error: messageOf(cause) }, "does not work; on-store-failure decides what it cannot tell");
}

/** Another worker, as one worker sees it. */
export function logWorker(logger: Logger, name: string, up: boolean): void {
  if (up) logger.info({ event: "worker" }, `${name} answers again`);
  else logger.warn({ event: "worker" }, `${name} does not answer; its sessions are decided here`);
}

/** With the messages of its causes, as far as they say something new. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? "" : messageOf(error.cause);
  return cause === "" || error.message.includes(cause) ? error.message : `${error.message}: ${cause}`;
}
