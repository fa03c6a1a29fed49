/** A MariaDB server for one test file: in a temporary folder, on a free port of 127.0.0.1 and a socket. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { cp, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { madeOnce } from "./made-once.ts";
import { freePorts } from "./mta.ts";
import { untilStopped } from "./stopped.ts";

/** Where support/mta/install.sh unpacks it. */
const root = join(process.env.POSTERN_MTA_PREFIX ?? "/var/cache/postern-mta", "mariadb-server-core/usr");
const program = join(root, "sbin/mariadbd");
const share = join(root, "share/mysql");

export class TestMariadb {
  readonly port: number;
  readonly folder: string;
  readonly socket: string;
  readonly #changes: readonly string[];
  #server: ChildProcess | undefined;

  constructor(folder: string, port: number, changes: readonly string[]) {
    this.folder = folder;
    this.socket = join(folder, "socket");
    this.port = port;
    this.#changes = changes;
  }

  /** A running server with an empty database `test` and a superuser `root` without a password. `changes` are server settings. */
  static async create(changes: readonly string[] = []): Promise<TestMariadb> {
    const template = await madeOnce("mariadb", TestMariadb.#initialise);
    const folder = await mkdtemp(join(tmpdir(), "postern-mariadb-"));
    await cp(join(template, "data"), join(folder, "data"), { recursive: true });
    const [port = 0] = await freePorts(1);
    const mariadb = new TestMariadb(folder, port, changes);
    await mariadb.start();
    return mariadb;
  }

  static async #initialise(this: void, folder: string): Promise<void> {
    await mkdir(join(folder, "data"));
    const tables = ["mysql_system_tables.sql", "mysql_system_tables_data.sql"].map((file) => readFileSync(join(share, file), "utf8"));
    const input = ["create database mysql;", "create database test;", "use mysql;", ...tables].join("\n");
    const flags = new TestMariadb(folder, 0, []).#flags();
    const { status, stderr } = spawnSync(program, [...flags, "--bootstrap"], { input, encoding: "utf8" });
    if (status !== 0) throw new Error(`mariadbd: ${stderr}`);
  }

  #flags(): readonly string[] {
    // A server that starts deletes the temporary tables of others in its folder for them.
    const files = [
      `--datadir=${join(this.folder, "data")}`,
      `--tmpdir=${this.folder}`,
      `--socket=${this.socket}`,
      `--pid-file=${join(this.folder, "pid")}`,
    ];
    const small = ["--innodb-buffer-pool-size=8M", "--innodb-log-file-size=4M", "--innodb-fast-shutdown=2", "--performance-schema=off"];
    const unsafe = ["--innodb-flush-log-at-trx-commit=0", "--innodb-use-native-aio=0", "--skip-log-bin"];
    const network = ["--bind-address=127.0.0.1", `--port=${this.port}`, "--skip-name-resolve"];
    const account = process.getuid?.() === 0 ? ["--user=root"] : [];
    return ["--no-defaults", ...account, ...files, ...small, ...unsafe, ...network, `--lc-messages-dir=${share}`, ...this.#changes];
  }

  async start(): Promise<void> {
    const server = spawn(program, this.#flags(), { cwd: this.folder, stdio: ["ignore", "ignore", "pipe"] });
    this.#server = server;
    const end = () => server.kill("SIGKILL");
    process.once("exit", end);
    server.once("exit", () => process.off("exit", end));
    let log = "";
    await new Promise<void>((resolve, reject) => {
      server.stderr.setEncoding("utf8").on("data", (text: string) => {
        log += text;
        if (log.includes("ready for connections")) resolve();
      });
      server.once("error", reject);
      server.once("exit", () => reject(new Error(`mariadbd ended: ${log}`)));
    });
  }

  /** Breaks every connection, but shuts down cleanly. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined || server.exitCode !== null) return;
    const exit = once(server, "exit");
    server.kill("SIGTERM");
    await exit;
  }

  /** Connections stay open and new ones are accepted, but nothing is answered until `thaw`. */
  async freeze(): Promise<void> {
    this.#server?.kill("SIGSTOP");
    await untilStopped(this.#server?.pid);
  }

  async thaw(): Promise<void> {
    this.#server?.kill("SIGCONT");
  }

  async remove(): Promise<void> {
    await this.stop();
    await rm(this.folder, { recursive: true, force: true });
  }
}
