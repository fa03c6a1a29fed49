/** A real Postfix for the end-to-end tests: installs it where that may be done, starts one of its own in a scratch folder. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";

const script = (name: string) => new URL(`mta/${name}`, import.meta.url).pathname;

/**
 * Why there is no Postfix here to test with; `undefined`: there is one. Installs it on Debian as root.
 * Throws where a test that was skipped would mean that nothing was tested.
 */
export function whyNoPostfix(): string | undefined {
  const reason = reasonAgainst();
  if (reason === undefined) return undefined;
  if (process.env.CI || process.env.POSTERN_REQUIRE_MTA) throw new Error(reason);
  console.warn(`Skipped: ${reason}`);
  return reason;
}

function reasonAgainst(): string | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return "the tests on a real Postfix need root on Linux";
  if (!existsSync("/etc/debian_version")) {
    return hasPostfix() ? undefined : "the tests on a real Postfix need Postfix (they install it on Debian only)";
  }
  const { status, stderr } = spawnSync("bash", [script("install.sh")], { encoding: "utf8" });
  return status === 0 ? undefined : `Postfix could not be installed: ${stderr.trim()}`;
}

const hasPostfix = () => spawnSync("postconf", ["-d", "mail_version"], { env: { PATH: `${process.env.PATH}:/usr/sbin` } }).status === 0;

export interface Postfix {
  /** Its log so far. */
  log(): string;
  /** The delivered messages, headers and all. */
  mail(): readonly string[];
  stop(): void;
}

export interface PostfixOptions {
  /** An existing folder that other users can reach; its name is short. */
  readonly directory: string;
  readonly port: number;
  /** Further parameters and services, as in the files of that name. */
  readonly main: string;
  readonly master: string;
}

export function startPostfix({ directory, port, main, master }: PostfixOptions): Postfix {
  const mainFile = join(directory, "main.piece");
  const masterFile = join(directory, "master.piece");
  mkdirSync(directory, { recursive: true });
  writeFileSync(mainFile, main);
  writeFileSync(masterFile, master);
  execFileSync(script("postfix.sh"), ["start", directory, "--port", String(port), "--main", mainFile, "--master", masterFile]);
  const delivered = join(directory, "mail", "new");
  return {
    log: () => readFileSync(join(directory, "maillog"), "utf8"),
    mail: () => readdirSync(delivered).map((name) => readFileSync(join(delivered, name), "utf8")),
    stop: () => void execFileSync(script("postfix.sh"), ["stop", directory]),
  };
}

export const hasIpv6 = Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === "::1"));

/** That many ports that are free on the loopback addresses now. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports: number[] = [];
  for (const server of servers) {
    await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, hasIpv6 ? "::" : "127.0.0.1", resolve));
    const address = server.address();
    if (address !== null && typeof address === "object") ports.push(address.port);
  }
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
