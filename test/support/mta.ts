/** Real MTAs for the end-to-end tests: installs them if possible, and starts each in a scratch folder of its own. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { patienceMs } from "./patience.ts";
import { type Smtp, speakSmtp } from "./smtp.ts";

const script = (name: string) => new URL(`mta/${name}`, import.meta.url).pathname;

/**
 * Why the tests with this program cannot run here; `undefined`: they can. On Debian as root it installs all of them.
 * Throws instead where tests must not be skipped (CI, POSTERN_REQUIRE_MTA).
 */
export function whyNo(
  program: "Postfix" | "Sendmail" | "Exim" | "OpenSMTPD" | "miltertest" | "slapd" | "MariaDB" | "Dovecot",
): string | undefined {
  const reason = reasonAgainst(program);
  if (reason === undefined) return undefined;
  if (process.env.CI || process.env.POSTERN_REQUIRE_MTA) throw new Error(reason);
  console.warn(`Skipped: ${reason}`);
  return reason;
}

function reasonAgainst(program: string): string | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return `the tests with a real ${program} need root on Linux`;
  if (!existsSync("/etc/debian_version")) {
    return program === "Postfix" && hasPostfix() ? undefined : `the tests with a real ${program} install it on Debian only`;
  }
  installation ??= spawnSync("bash", [script("install.sh")], { encoding: "utf8" });
  const { status, stderr } = installation;
  return status === 0 ? undefined : `${program} could not be installed: ${stderr.trim()}`;
}

/** All programs come with the first that is asked for. */
let installation: { readonly status: number | null; readonly stderr: string } | undefined;

const hasPostfix = () => spawnSync("postconf", ["-d", "mail_version"], { env: { PATH: `${process.env.PATH}:/usr/sbin` } }).status === 0;

export interface Mta {
  /** Its log so far. */
  log(): string;
  /** The delivered messages, headers and all. */
  mail(): readonly string[];
  /** Who got a message with that subject, after all accepted mail has been delivered; sorted, once for each copy. */
  delivered(subject: string): Promise<readonly string[]>;
  stop(): void;
}

interface MtaOptions {
  /** A folder with a short name, which other users can reach. */
  readonly directory: string;
  readonly port: number;
}

export interface PostfixOptions extends MtaOptions {
  /** Further parameters for main.cf and services for master.cf. */
  readonly main: string;
  readonly master: string;
}

export function startPostfix({ directory, port, main, master }: PostfixOptions): Mta {
  return start("postfix.sh", { directory, port }, { main, master });
}

export interface Sendmail extends Mta {
  /** Submits a message with the sendmail command, as a local user does. */
  submit(words: readonly string[], message: string): void;
  /** A session with `sendmail -bs`. */
  speak(): Promise<Smtp>;
}

export interface SendmailOptions extends MtaOptions {
  /** Further lines of sendmail.mc. */
  readonly mc: string;
  /** The folder that it sees as /run/postern. */
  readonly sockets: string;
}

export function startSendmail({ directory, port, mc, sockets }: SendmailOptions): Sendmail {
  const sendmail = start("sendmail.sh", { directory, port }, { mc }, ["--sockets", sockets]);
  return {
    ...sendmail,
    submit: (words, input) => void execFileSync(script("sendmail.sh"), ["submit", directory, ...words], { input }),
    speak() {
      const { stdout, stdin } = spawn(script("sendmail.sh"), ["daemon", directory, "-bs"], { stdio: ["pipe", "pipe", "ignore"] });
      return speakSmtp(stdout, stdin);
    },
  };
}

export interface EximOptions extends MtaOptions {
  /** Statements that come first in the ACL of RCPT. */
  readonly acl: string;
}

export function startExim({ directory, port, acl }: EximOptions): Mta {
  return start("exim.sh", { directory, port }, { acl });
}

export interface OpenSmtpdOptions extends MtaOptions {
  /** Lines that define the filter "postern". */
  readonly filter: string;
}

export function startOpenSmtpd({ directory, port, filter }: OpenSmtpdOptions): Mta {
  return start("opensmtpd.sh", { directory, port }, { filter });
}

/** Each piece of configuration is written to a file, which is passed by the option of the same name. */
function start(name: string, { directory, port }: MtaOptions, pieces: Readonly<Record<string, string>>, more: readonly string[] = []): Mta {
  mkdirSync(directory, { recursive: true });
  const options = Object.entries(pieces).flatMap(([option, text]) => {
    const file = join(directory, `${option}.piece`);
    writeFileSync(file, text);
    return [`--${option}`, file];
  });
  execFileSync(script(name), ["start", directory, "--port", String(port), ...options, ...more]);
  const maildir = join(directory, "mail", "new");
  const log = () => readFileSync(join(directory, "maillog"), "utf8");
  const mail = () => readdirSync(maildir).map((file) => readFileSync(join(maildir, file), "utf8"));
  return {
    log,
    mail,
    async delivered(subject) {
      const end = Date.now() + patienceMs;
      // Empty twice: a message that moves from one queue to another may be seen in neither.
      for (let empty = 0; empty < 2; ) {
        empty = execFileSync(script(name), ["queue", directory], { encoding: "utf8" }) === "" ? empty + 1 : 0;
        if (Date.now() > end) throw new Error(`not delivered:\n${log().slice(-5000)}`);
        if (empty === 0) await new Promise((resolve) => setTimeout(resolve, 50));
      }
      const sent = mail().filter((message) => headerOf(message, "Subject") === subject);
      return sent.map((message) => headerOf(message, "Delivered-To") ?? "").sort();
    },
    stop: () => void execFileSync(script(name), ["stop", directory]),
  };
}

function headerOf(message: string, name: string): string | undefined {
  return new RegExp(`^${name}: (.*)$`, "m").exec(message)?.[1]?.trim();
}

export const hasIpv6 = Object.values(networkInterfaces()).some((addresses) => addresses?.some(({ address }) => address === "::1"));

/** Ports that are free on the loopback addresses now. */
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
