/** SQLite by a process of its own that is killed and started again when a statement passes its deadline. */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { Socket } from "node:net";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { Availability, type OnAvailability } from "../answer/availability.ts";
import type { WaitedFor } from "../answer/patience.ts";
import { TemporaryError } from "../answer/temporary-error.ts";
import type { SqlResult } from "../expr/ask.ts";
import type { Value } from "../expr/value.ts";
import { onDemand } from "../text/on-demand.ts";
import { type Blame, failureOf, reportFailure } from "./blame.ts";
import type { Database, StatementProblem } from "./database.ts";
import type { WalMemory } from "./file-identity.ts";
import { lastWords } from "./last-words.ts";
import { PendingAnswer } from "./pending-answer.ts";
import { toParameter } from "./sql-value.ts";
import type { SqliteMessage, SqliteOptions, SqliteOutcome, SqliteWork } from "./sqlite-message.ts";
import type { SqliteSettings } from "./store-settings.ts";
import { waitedFor } from "./waited-for.ts";

/** Statements at work and waiting; a further one fails at once. */
const maxQueue = 10_000;
/** From the start of the process until it asks for work. */
const startMs = 30_000;
/** From a start that failed until the next one. Statements wait for it until their deadline. */
const startAgainMs = 1000;
/** Statements that fail together when one of them passes its deadline. */
const maxBatch = 64;

const childProcess = onDemand<typeof import("node:child_process")>("node:child_process");
// A checkout runs `.ts`, the package `.js`.
const program = fileURLToPath(new URL(`./sqlite-process${extname(import.meta.url)}`, import.meta.url));

interface QueuedStatement {
  readonly work: SqliteWork;
  readonly timeoutMs: number;
  readonly answer: PendingAnswer<SqliteOutcome>;
}

type Phase = "starting" | "idle" | "busy";

export class SqliteDatabase implements Database {
  readonly name: string;
  readonly source: WaitedFor;
  readonly #timeoutMs: number;
  readonly #options: SqliteOptions;
  readonly #availability: Availability;
  #process: ChildProcess | undefined;
  #phase: Phase = "starting";
  #waiting: QueuedStatement[] = [];
  #batch: readonly QueuedStatement[] = [];
  #deadline: NodeJS.Timeout | undefined;
  #isFlushing = false;
  /** Until the process may be started again. */
  #startingAgain: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(settings: SqliteSettings, readOnly: boolean, walMemory: WalMemory | undefined, onAvailability: OnAvailability) {
    this.name = settings.name;
    this.#timeoutMs = settings.timeoutMs;
    this.#options = { path: settings.path, readOnly, busyMs: Math.ceil(settings.timeoutMs / 2), walMemory };
    this.#availability = new Availability(settings.name, onAvailability);
    this.source = waitedFor(settings, this.#availability);
  }

  async query(sql: string, parameters: readonly Value[], maxRows = Number.POSITIVE_INFINITY, isExact = false): Promise<SqlResult> {
    const work: SqliteWork = { kind: "query", sql, parameters: parameters.map(toParameter), maxRows, isExact };
    const outcome = await this.#ask(work, this.#timeoutMs);
    if (outcome.kind !== "error") {
      this.#availability.worked("", sql);
      return outcome;
    }
    const error = this.#error(outcome.message, outcome.blame);
    reportFailure(this.#availability, outcome.blame, sql, error);
    throw error;
  }

  async check(sql: string): Promise<StatementProblem | undefined> {
    const outcome = await this.#ask({ kind: "check", sql }, this.#timeoutMs);
    if (outcome.kind !== "error") return undefined;
    if (outcome.blame === "database") throw this.#error(outcome.message);
    const [, table] = /no such table: (\S+)$/.exec(outcome.message) ?? [];
    return table === undefined ? { kind: "wrong", message: outcome.message } : { kind: "missing-table", table };
  }

  async run(script: string, timeoutMs: number = this.#timeoutMs): Promise<void> {
    const outcome = await this.#ask({ kind: "script", sql: script }, timeoutMs);
    if (outcome.kind === "error") throw this.#error(outcome.message);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#startingAgain);
    const failed = this.#takeAll();
    const child = this.#process;
    this.#process = undefined;
    for (const { answer } of failed) answer.reject(this.#error("it is closed"));
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, "exit");
    // Closing waits for its end, even when nothing else keeps the program running.
    child.ref();
    if (this.#phase !== "idle" || !child.connected) child.kill("SIGKILL");
    else child.disconnect();
    await exit;
  }

  #error(message: string, blame: Blame = "database"): TemporaryError {
    return failureOf(blame, `store "${this.name}": ${message}`);
  }

  #ask(work: SqliteWork, timeoutMs: number): Promise<SqliteOutcome> {
    if (this.#isClosed) return Promise.reject(this.#error("it is closed"));
    if (this.#waiting.length + this.#batch.length >= maxQueue) {
      const error = this.#error(`${maxQueue} statements wait already`);
      this.#availability.failed("", error);
      return Promise.reject(error);
    }
    const answer = new PendingAnswer<SqliteOutcome>(timeoutMs, () => {
      const error = this.#error(`no answer in ${timeoutMs} ms: ${work.sql}`);
      this.#availability.failed("", error);
      return error;
    });
    this.#waiting.push({ work, timeoutMs, answer });
    this.#flushSoon();
    return answer.promise;
  }

  /** Statements of one turn of the loop are sent in one message. */
  #flushSoon(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    setImmediate(() => {
      this.#isFlushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    this.#waiting = this.#waiting.filter(({ answer }) => !answer.isSettled);
    if (this.#waiting.length === 0 || this.#isClosed || this.#startingAgain !== undefined) return;
    this.#process ??= this.#start();
    const child = this.#process;
    if (this.#phase !== "idle") return;
    // A script is sent alone, since its deadline differs.
    const script = this.#waiting.findIndex(({ work }) => work.kind === "script");
    const count = script < 0 ? maxBatch : Math.min(Math.max(script, 1), maxBatch);
    this.#batch = this.#waiting.splice(0, count);
    this.#phase = "busy";
    const [first] = this.#batch;
    if (first) this.#deadline = setTimeout(() => this.#kill(child, "a statement passed its deadline and was ended"), first.timeoutMs);
    child.send(this.#batch.map(({ work }) => work));
  }

  #start(): ChildProcess {
    const child = childProcess().fork(program, [JSON.stringify(this.#options)], {
      serialization: "advanced",
      execArgv: [],
      env: {},
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    const said = lastWords(child.stderr);
    this.#phase = "starting";
    this.#deadline = setTimeout(() => this.#kill(child, "its process did not start in time and was ended"), startMs).unref();
    // A pending answer keeps the daemon alive by its timer; the process alone does not.
    child.unref();
    child.channel?.unref();
    // A pipe of a child process is a socket.
    (child.stderr as Socket | null)?.unref();
    // The program sends nothing else.
    child.on("message", (message: SqliteMessage) => {
      if (child !== this.#process) return;
      const batch = this.#takeBatch();
      this.#phase = "idle";
      if (message !== "ready") for (const [index, outcome] of message.entries()) batch[index]?.answer.resolve(outcome);
      this.#flush();
    });
    const lost = (cause: unknown) => {
      if (child !== this.#process) return;
      const cannotStart = this.#phase === "starting";
      if (cannotStart) this.#startLater();
      this.#lose(cannotStart ? "its process does not start" : "its process ended", cause);
    };
    child.on("error", lost);
    // What it wrote has come, too.
    child.on("close", (code, signal) => lost(said() || (signal ?? code)));
    return child;
  }

  #startLater(): void {
    this.#startingAgain = setTimeout(() => {
      this.#startingAgain = undefined;
      this.#flush();
    }, startAgainMs).unref();
  }

  #kill(child: ChildProcess, why: string): void {
    if (child !== this.#process) return;
    child.kill("SIGKILL");
    this.#lose(why);
  }

  #lose(message: string, cause?: unknown): void {
    this.#process = undefined;
    const error = new TemporaryError(`store "${this.name}": ${message}`, { cause });
    const batch = this.#takeBatch();
    this.#availability.failed("", error);
    for (const { answer } of batch) answer.reject(error);
    this.#flushSoon();
  }

  #takeBatch(): readonly QueuedStatement[] {
    clearTimeout(this.#deadline);
    const batch = this.#batch;
    this.#batch = [];
    return batch;
  }

  #takeAll(): readonly QueuedStatement[] {
    const all = [...this.#takeBatch(), ...this.#waiting];
    this.#waiting = [];
    return all;
  }
}
