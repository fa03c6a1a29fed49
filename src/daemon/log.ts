/** Log lines on standard output: JSON for programs, or text for people. What they say is in log-lines.ts. */

import { type Logger, pino } from "pino";
import { WrittenDecision } from "../frontend/written-decision.ts";
import { escapeControls } from "../text/controls.ts";
import { type Destination, destinationOf, priorityOf } from "./destination.ts";
import { LineOutput } from "./line-output.ts";
import { textOf } from "./line-text.ts";

export type { Logger } from "pino";

export interface LogSettings {
  readonly level: "error" | "warn" | "info" | "debug";
  /** `undefined`: text on a terminal, else JSON. */
  readonly format?: LineFormat | undefined;
}

export type LineFormat = "json" | "text";

export interface Log {
  readonly logger: Logger;
  readonly format: LogSettings["format"];
  /** Writes what is still buffered: to be called before the process ends. */
  flush(): void;
}

/** Of a process that shares its standard output with others. */
export interface SharedLog {
  /** Added to each line. */
  readonly worker?: number;
}

export function openLog({ level, format }: LogSettings, shared?: SharedLog): Log {
  const output = new LineOutput({ descriptor: 1, isShared: shared !== undefined, onLost: (lines) => logLost(logger, lines) });
  process.on("exit", () => output.flush());
  const to = destinationOf(1);
  const written = format ?? (to === "terminal" ? "text" : "json");
  const write = (json: string) => output.write(logLine(json, written, to));
  const fields = shared?.worker === undefined ? {} : { worker: shared.worker };
  const logger = createLogger({ level, fields, write, clock: Date.now });
  return { logger, format, flush: () => output.flush() };
}

interface LoggerOptions {
  readonly level: LogSettings["level"];
  /** Of each line. */
  readonly fields: Readonly<Record<string, unknown>>;
  readonly write: (json: string) => void;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
}

export function createLogger({ level, fields, write, clock }: LoggerOptions): Logger {
  const time = isoTimes(clock);
  const own = Object.entries(fields)
    .map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)},`)
    .join("");
  return pino(
    {
      level,
      base: fields,
      timestamp: () => `,"time":"${time()}"`,
      formatters: { level: (label) => ({ level: label }) },
      hooks: {
        logMethod(args, log, number) {
          const [said] = args;
          // Most lines are decisions, and pino takes several times as long for the same.
          if (said instanceof WrittenDecision)
            write(`{"level":"${pino.levels.labels[number]}","time":"${time()}",${own}${said.json.slice(1)}`);
          else log.apply(this, args);
        },
      },
    },
    { write },
  );
}

/** As RFC 3339 has it; many lines have the same. */
function isoTimes(clock: () => number): () => string {
  let at = Number.NaN;
  let text = "";
  return () => {
    const now = clock();
    if (now !== at) text = new Date(now).toISOString();
    at = now;
    return text;
  };
}

/**
 * One line, without its end, whatever its fields hold. What a stranger sent may be in any of them, so control and directional
 * characters are escaped here, where all lines pass, and not where each field is made.
 */
export function logLine(json: string, format: LineFormat, to: Destination = "other"): string {
  const line = json.trimEnd();
  const priority = to === "journal" ? priorityOf(levelOf(line), to) : "";
  return `${priority}${format === "json" ? escapeControls(line) : textOf(line, to)}`;
}

/** What pino writes first. */
function levelOf(json: string): string {
  return /^\{"level":"(\w+)"/.exec(json)?.[1] ?? "";
}

/** Who takes the lines did not take them. */
function logLost(logger: Logger, lines: number): void {
  logger.warn(
    { event: "log", lines },
    "lines of this log were lost, since nobody took them: the disk was full, or who reads them was too slow",
  );
}
