/** How long commands take, and the daemon to its first answer, as a multiple of what Node itself takes to start. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { inTurn, quantile, roundsOf } from "./figures.ts";

const root = join(import.meta.dirname, "../..");
const rounds = 15;
const listed = 100_000;

const median = (figures: readonly number[]) => quantile(figures, 0.5);

async function timed(work: () => Promise<void> | void): Promise<number> {
  const start = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - start) / 1e6;
}

function run(...parameters: readonly string[]): void {
  const { status, stderr } = spawnSync(process.execPath, parameters, { cwd: root, encoding: "utf8" });
  if (status !== 0) throw new Error(`${parameters.join(" ")}: ${stderr}`);
}

/** From the start of the process to its answer. */
async function serve(program: string, config: string, socket: string): Promise<number> {
  const daemon = spawn(process.execPath, [program, "serve", "-c", config], { cwd: root, stdio: ["ignore", "ignore", "inherit"] });
  const ended = once(daemon, "exit");
  try {
    return await timed(async () => {
      while (!(await isAnswered(socket))) {
        if (daemon.exitCode !== null) throw new Error("the daemon ended");
        await setTimeout(1);
      }
    });
  } finally {
    daemon.kill("SIGKILL");
    await ended;
    rmSync(socket, { force: true });
  }
}

/** `false`: nobody listens there. */
function isAnswered(path: string): Promise<boolean> {
  const request = "request=smtpd_access_policy\nprotocol_state=RCPT\nclient_address=203.0.113.9\nrecipient=john0@example.org\n\n";
  return new Promise((resolve) => {
    const socket = connect(path, () => socket.write(request));
    socket.once("error", () => resolve(false));
    socket.once("data", () => {
      socket.destroy();
      resolve(true);
    });
  });
}

interface StartupBench {
  readonly name: string;
  readonly ratio: number;
}

interface Subject {
  readonly name: string;
  /** Of the package; a checkout strips types on top of that. */
  readonly atMost?: number;
  readonly time: () => Promise<number>;
}

function subjectsOf(folder: string): readonly Subject[] {
  const config = join(folder, "postern.toml");
  const socket = join(folder, "policy.sock");
  writeFileSync(join(folder, "addresses"), Array.from({ length: listed }, (_, index) => `john${index}@example.org\n`).join(""));
  writeFileSync(join(folder, "names"), Array.from({ length: listed }, (_, index) => `host${index}.example.net\n`).join(""));
  writeFileSync(
    config,
    `[listener.smtp]
protocol = "policy"
bind = ["unix:${socket}"]
[directory.accounts]
type = "file"
addresses = ["addresses"]
[lookup-file.names]
path = "names"
`,
  );
  const example = "contrib/examples/quickstart.toml";
  return [["package", "dist/main.js"] as const, ["checkout", "src/main.ts"] as const].flatMap(([form, program]): readonly Subject[] => {
    const command = (aim: number, ...parameters: readonly string[]): Subject => ({
      name: `${form}: ${parameters[0]}`,
      ...(form === "package" && { atMost: aim }),
      time: () => timed(() => run(program, ...parameters)),
    });
    return [
      command(1.5, "--version"),
      command(3, "query", "-c", example, "recipients", "john@example.org"),
      command(3.5, "check", "-c", example),
      {
        name: `${form}: serve with ${listed} addresses and a list of ${listed}, to the first answer`,
        ...(form === "package" && { atMost: 5 }),
        time: () => serve(program, config, socket),
      },
    ];
  });
}

export async function benchStartup(): Promise<readonly StartupBench[]> {
  const folder = mkdtempSync(join(tmpdir(), "postern-startup-"));
  try {
    const subjects = subjectsOf(folder);
    const node: Subject = { name: "node -e 0", time: () => timed(() => run("-e", "0")) };
    const all = [node, ...subjects];
    const times = new Map<Subject, number[]>(all.map((subject) => [subject, []]));
    for (const round of roundsOf(rounds)) for (const subject of inTurn(all, round)) times.get(subject)?.push(await subject.time());
    const base = median(times.get(node) ?? []);
    console.log(`startup: node -e 0 takes ${base.toFixed(0)} ms`);
    return subjects.map((subject) => {
      const { name, atMost } = subject;
      const ratio = median(times.get(subject) ?? []) / base;
      console.log(`startup: ${name} / node -e 0: ratio ${ratio.toFixed(2)}${atMost === undefined ? "" : ` (at most ${atMost})`}`);
      return { name, ratio };
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
