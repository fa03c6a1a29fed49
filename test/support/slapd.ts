/** OpenLDAP servers for one test file: in a temporary folder, on a free port of 127.0.0.1, with the entries that they are given. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Certificate } from "./certificates.ts";
import { accepts } from "./daemon.ts";
import { freePorts, whyNo } from "./mta.ts";
import { untilStopped } from "./stopped.ts";

/** Skips the tests of a file where there is no slapd. */
export const lacksSlapd = whyNo("slapd") !== undefined;

const prefix = process.env.POSTERN_MTA_PREFIX ?? "/var/cache/postern-mta";
const usr = (path: string) => join(prefix, "slapd/usr", path);

export interface SlapdOptions {
  /** Files of Debian's `/etc/ldap/schema`, or lines of a schema. */
  readonly schema: readonly string[];
  readonly suffix: string;
  /** The entries below the suffix, in LDIF. */
  readonly entries: string;
  /** With it StartTLS, and `securePort`. */
  readonly certificate?: Certificate;
  /** Further lines of slapd.conf: of the whole server, and of the database. */
  readonly global?: string;
  readonly database?: string;
}

export const password = "s3cret";

export class Slapd {
  readonly port: number;
  readonly securePort: number;
  readonly #folder: string;
  readonly #urls: string;
  #server: ChildProcess | undefined;

  constructor(folder: string, port: number, securePort: number, hasTls: boolean) {
    this.#folder = folder;
    this.port = port;
    this.securePort = securePort;
    this.#urls = `ldap://127.0.0.1:${port}/${hasTls ? ` ldaps://127.0.0.1:${securePort}/` : ""}`;
  }

  /** A running server, where `cn=postern,SUFFIX` may read with the password above, and nobody else may. */
  static async create({ schema, suffix, entries, certificate, global = "", database = "" }: SlapdOptions): Promise<Slapd> {
    const folder = mkdtempSync(join(tmpdir(), "postern-slapd-"));
    mkdirSync(join(folder, "data"));
    const lines = [
      ...schema.map((each) => (each.includes("\n") ? each : `include ${join(prefix, "slapd/etc/ldap/schema", `${each}.schema`)}`)),
      ...(certificate ? [`TLSCertificateFile ${certificate.certFile}`, `TLSCertificateKeyFile ${certificate.keyFile}`] : []),
      ...[`modulepath ${usr("lib/ldap")}`, "moduleload back_mdb", `pidfile ${folder}/pid`, global],
      ...["database mdb", "maxsize 10485760", "dbnosync", `suffix "${suffix}"`, `directory ${folder}/data`],
      ...[`rootdn "cn=root,${suffix}"`, `access to attrs=userPassword by anonymous auth`],
      `access to * by dn.exact="cn=postern,${suffix}" read by * none`,
      ...["index mail,objectClass eq", database],
    ];
    writeFileSync(join(folder, "slapd.conf"), `${lines.join("\n")}\n`);
    const account = `dn: cn=postern,${suffix}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\nuserPassword: ${password}\n`;
    const root = `dn: ${suffix}\nobjectClass: domain\n`;
    writeFileSync(join(folder, "entries.ldif"), [root, account, entries].join("\n"));
    execFileSync(usr("sbin/slapadd"), ["-q", "-f", join(folder, "slapd.conf"), "-l", join(folder, "entries.ldif")], { env, stdio: "pipe" });
    const [port = 0, securePort = 0] = await freePorts(2);
    const slapd = new Slapd(folder, port, securePort, certificate !== undefined);
    await slapd.start();
    return slapd;
  }

  async start(): Promise<void> {
    const flags = ["-f", join(this.#folder, "slapd.conf"), "-h", this.#urls, "-d", "0"];
    const server = spawn(usr("sbin/slapd"), flags, { env, stdio: "ignore" });
    this.#server = server;
    const end = () => server.kill("SIGKILL");
    process.once("exit", end);
    server.once("exit", () => process.off("exit", end));
    await accepts({ host: "127.0.0.1", port: this.port }, server);
  }

  /** Closes every connection. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined || server.exitCode !== null) return;
    const exit = once(server, "exit");
    server.kill("SIGKILL");
    await exit;
  }

  /** Connections stay open and new ones are accepted, but nothing is answered until `thaw`. */
  async freeze(): Promise<void> {
    this.#server?.kill("SIGSTOP");
    await untilStopped(this.#server?.pid);
  }

  thaw(): void {
    this.#server?.kill("SIGCONT");
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true });
  }
}

const folders = (name: string) => {
  const lib = join(prefix, name, "usr/lib");
  return lacksSlapd
    ? []
    : readdirSync(lib)
        .filter((each) => each.endsWith("-linux-gnu"))
        .map((each) => join(lib, each));
};
/** slapadd is slapd by another name. */
const env = { ...process.env, LD_LIBRARY_PATH: [...folders("slapd"), ...folders("libltdl7")].join(":") };
