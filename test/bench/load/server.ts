/** A server under load: the daemon with the configuration of a mail server, and what a process has used so far. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { accepts, childrenOf } from "../../support/daemon.ts";
import { freePorts } from "../../support/mta.ts";
import { addresses, addressOf } from "./mail.ts";

export interface Server {
  readonly pid: number;
  readonly port: number;
  stop(): Promise<void>;
}

export interface DaemonChanges {
  readonly protocol: "policy" | "milter" | "socketmap";
  /** Default: decisions are not logged. */
  readonly level?: "info" | "warn";
  readonly greylist?: boolean;
  /** Has an http listener, at the socket `web` in its folder. */
  readonly http?: boolean;
}

const root = join(import.meta.dirname, "../../..");

/** A database of 100,000 addresses, with which daemons in the folders beside it are configured. */
export function makeDirectory(folder: string): void {
  const database = new DatabaseSync(join(folder, "accounts.sqlite"));
  database.exec(readFileSync(join(root, "contrib/sql/schema-sqlite.sql"), "utf8"));
  const insert = database.prepare("INSERT INTO emails (name, address, type) VALUES (?, ?, 'primary')");
  database.exec("BEGIN");
  for (let number = 0; number < addresses; number += 1) insert.run(`account${number}`, addressOf(number));
  database.exec("COMMIT");
  database.close();
}

export function configurationOf(
  { protocol, level = "warn", greylist = false, http = false }: DaemonChanges,
  folder: string,
  port: number,
): string {
  return `
[server]
hostname = "mx.example.org"
[log]
level = "${level}"
[listener.mail]
protocol = "${protocol}"
bind = ["127.0.0.1:${port}"]
max-connections = 6000
${http ? `[listener.web]\nprotocol = "http"\nbind = ["unix:${folder}/web"]` : ""}
[store.accounts]
type = "sqlite"
path = "../accounts.sqlite"
timeout = "30s"
[directory.accounts]
type = "sql"
store = "accounts"
cache = { entries = ${addresses}, ttl = { positive = "1h", negative = "1h" } }
[session.ehlo]
require = true
reject-non-fqdn = true
[session.rcpt]
directory = "'accounts'"
sub-addressing = true
catch-all = true
max-recipients = 100
${greylist ? `greylist = { enable = true, delay = "1ms" }` : ""}
${protocol === "socketmap" ? "" : `errors = { total = 5, wait = "0s" }`}
`;
}

/** Its log goes to nowhere: what a file or the journal takes is theirs. */
export function startServing(folder: string, changes: DaemonChanges): Promise<Server> {
  return serve(folder, (port) => configurationOf(changes, folder, port));
}

export interface ServeOptions {
  /** A file descriptor; left out: to nowhere. */
  readonly log?: number;
  /** Added to the environment. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** The package, which is built, by the configuration for a listener at that port of 127.0.0.1. */
export async function serve(folder: string, textFor: (port: number) => string, { log, environment }: ServeOptions = {}): Promise<Server> {
  const [port = 0] = await freePorts(1);
  mkdirSync(folder);
  writeFileSync(join(folder, "postern.toml"), textFor(port));
  const words = ["dist/main.js", "serve", "-c", join(folder, "postern.toml"), "--state-directory", join(folder, "state")];
  const child = spawn(process.execPath, words, {
    cwd: root,
    env: { ...process.env, ...environment },
    stdio: ["ignore", log ?? "ignore", "inherit"],
  });
  const ended = once(child, "exit");
  await accepts({ host: "127.0.0.1", port }, child);
  const stop = async () => {
    child.kill();
    await ended;
  };
  return { pid: Number(child.pid), port, stop };
}

/** Microseconds of CPU time of a process and of those that it has started, on Linux. */
export function cpuOf(pid: number): number {
  // Nanoseconds of each thread (proc_pid_schedstat).
  const threads = readdirSync(`/proc/${pid}/task`).map((thread) => Number(read(pid, `task/${thread}/schedstat`).split(" ")[0]) / 1000);
  return [...threads, ...childrenOf(pid).map(cpuOf)].reduce((sum, one) => sum + one, 0);
}

/** Octets in memory, of both likewise. */
export function rssOf(pid: number): number {
  const own = 1024 * Number(/^VmRSS:\s+(\d+) kB$/m.exec(read(pid, "status"))?.[1] ?? 0);
  return childrenOf(pid).reduce((sum, child) => sum + rssOf(child), own);
}

const read = (pid: number, name: string) => readFileSync(`/proc/${pid}/${name}`, "utf8");
