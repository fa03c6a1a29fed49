/** The real daemon as a child process: started on a configuration, watched by its log, stopped by a signal. */
import { type ChildProcess, type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect, type NetConnectOpts } from "node:net";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { patienceMs } from "./patience.ts";
import { program } from "./program.ts";

export interface Daemon {
  readonly pid: number | undefined;
  /** Resolves when the process has ended, by itself or not. */
  readonly ended: Promise<unknown>;
  /** Takes the next matching line of its log; rejects if the daemon ends without it, or logs nothing for too long. */
  logged(wanted: (line: LogLine) => boolean): Promise<LogLine>;
  /** The lines so far that `logged` has not taken. */
  untaken(): readonly LogLine[];
  hangUp(): void;
  /** Writes another configuration, then sends SIGHUP. */
  reload(config: string): void;
  /** Processes that it has started and that run. */
  children(): readonly number[];
  /** Sends SIGTERM; the exit status, or `null` if it did not end by itself. May be called again. */
  stop(): Promise<number | null>;
  /** Sends SIGKILL; resolves when the process has ended. */
  kill(): Promise<void>;
}

export type LogLine = Readonly<Record<string, unknown>>;

export interface DaemonOptions {
  /** For the configuration and the state. */
  readonly directory: string;
  /** The text of the configuration file. */
  readonly config: string;
  /** The daemon counts as started when it accepts connections at all of these. */
  readonly listening: readonly NetConnectOpts[];
  /** How many files it may have open (`ulimit -n`). */
  readonly maxFiles?: number;
  /** A program that starts it, with its words. */
  readonly under?: readonly string[];
  /** Added to the environment. */
  readonly environment?: Readonly<Record<string, string>>;
}

const root = new URL("../..", import.meta.url).pathname;

export async function startDaemon({
  directory,
  config,
  listening,
  maxFiles,
  under = [],
  environment = {},
}: DaemonOptions): Promise<Daemon> {
  const file = join(directory, "postern.toml");
  mkdirSync(directory, { recursive: true });
  writeFileSync(file, config);
  const serve = [process.execPath, join(root, program), "serve", "-c", file, "--state-directory", join(directory, "state")];
  const limit = maxFiles === undefined ? "" : `ulimit -n ${maxFiles} && `;
  const child = spawn("/bin/sh", ["-c", `${limit}exec "$@"`, "sh", ...under, ...serve], {
    cwd: root,
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(child, "exit");
  const log = watch(child);
  const daemon: Daemon = {
    pid: child.pid,
    ended,
    logged: log.next,
    untaken: log.untaken,
    hangUp: () => child.kill("SIGHUP"),
    reload(text) {
      writeFileSync(file, text);
      daemon.hangUp();
    },
    children: () => childrenOf(Number(child.pid)),
    async stop() {
      child.kill("SIGTERM");
      await ended;
      return child.exitCode;
    },
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
  };
  try {
    for (const address of listening) await accepts(address, child);
  } catch (error) {
    await daemon.stop();
    throw new Error(`the daemon did not start:\n${log.text()}`, { cause: error });
  }
  return daemon;
}

type Child = ChildProcessByStdio<null, Readable, Readable>;

function watch(child: Child): { next: Daemon["logged"]; untaken: Daemon["untaken"]; text: () => string } {
  const lines: LogLine[] = [];
  let text = "";
  let rest = "";
  let open = 2;
  const waiting = new Set<() => void>();
  const wake = (): void => {
    for (const one of waiting) one();
    waiting.clear();
  };
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
    const parts = (rest + chunk).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts) if (part.startsWith("{")) lines.push(JSON.parse(part));
    wake();
  });
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("end", () => {
      open -= 1;
      wake();
    });
  }
  return {
    text: () => text,
    untaken: () => [...lines],
    async next(wanted) {
      for (;;) {
        const at = lines.findIndex(wanted);
        const line = lines[at];
        if (line !== undefined) {
          lines.splice(at, 1);
          return line;
        }
        if (open === 0) throw new Error(`the daemon ended without that line:\n${text}`);
        await new Promise<void>((resolve, reject) => {
          const silence = setTimeout(() => reject(new Error(`the daemon did not log that line:\n${text}`)), patienceMs);
          waiting.add(() => {
            clearTimeout(silence);
            resolve();
          });
        });
      }
    },
  };
}

/** Processes that it has started and that run, on Linux. */
export function childrenOf(pid: number): readonly number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);
}

/** Resolves when the process accepts connections there; rejects if it ends before. */
export async function accepts(address: NetConnectOpts, child: ChildProcess): Promise<void> {
  const end = Date.now() + patienceMs;
  while (child.exitCode === null && Date.now() < end) {
    const socket = connect(address);
    const accepted = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    });
    socket.destroy();
    if (accepted) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`nothing listens at ${JSON.stringify(address)}`);
}
