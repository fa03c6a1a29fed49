/**
 * The policy front end compared with a server that gives every request the same answer: requests a second and CPU time a request, as
 * ratios within one run. Each server is a process of its own, and they take turns.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { openLog } from "../../src/daemon/log.ts";
import { DelayedReplies } from "../../src/frontend/connection/delayed-replies.ts";
import { answerPolicy } from "../../src/frontend/policy/policy.ts";
import { domainOf } from "../../src/mail/address.ts";
import type { Directory } from "../../src/stage/sources.ts";
import { PolicyDecoder } from "../../src/wire/policy.ts";
import { listen } from "../support/listen.ts";
import { settings } from "../support/settings.ts";
import { sourcesOf } from "../support/sources.ts";

const rounds = 5;
const requests = 40_000;
const warmUp = 10_000;
const connections = 50;
const mailboxes = 20_000;

const servers = ["constant", "policy", "policy, logged"] as const;
type ServerName = (typeof servers)[number];

/** What a server sends to its parent: where it listens, then its CPU time in microseconds whenever the parent asks. */
type Report = { readonly port: number } | { readonly cpu: number };

export async function benchPolicy(): Promise<void> {
  const running = await Promise.all(servers.map(startServer));
  const samples = new Map<ServerName, Sample[]>(servers.map((name) => [name, []]));
  try {
    for (const server of running) await load(server, warmUp);
    for (let round = 0; round < rounds; round += 1) {
      // In reverse every second time, so that none always follows the same one.
      for (const server of round % 2 === 0 ? running : running.toReversed()) {
        samples.get(server.name)?.push(await load(server, requests));
      }
    }
  } finally {
    for (const { child } of running) child.kill();
  }
  print(samples);
}

interface RunningServer {
  readonly name: ServerName;
  readonly child: ChildProcess;
  readonly port: number;
}

interface Sample {
  readonly perSecond: number;
  readonly cpuMicroseconds: number;
}

async function startServer(name: ServerName): Promise<RunningServer> {
  const child = fork(new URL(import.meta.url), [name], { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  const report = await next(child);
  if (!("port" in report)) throw new Error("the server did not say where it listens");
  return { name, child, port: report.port };
}

async function next(child: ChildProcess): Promise<Report> {
  // Only `serve` below writes here.
  const [message] = (await once(child, "message")) as [Report];
  return message;
}

async function cpuOf({ child }: RunningServer): Promise<number> {
  child.send("cpu");
  const report = await next(child);
  if (!("cpu" in report)) throw new Error("the server did not say what it used");
  return report.cpu;
}

let serial = 0;

/** As Postfix 3.7 sends it at RCPT; each is the first request of a new session and message. */
function makeRequest(): string {
  serial += 1;
  const client = `${20 + (serial % 100)}.${(serial >> 8) & 255}.${serial & 255}.${1 + (serial % 250)}`;
  const name = `mx${serial % 16}.out.sender-${serial % 5000}.example.com`;
  return (
    "request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\n" +
    `client_address=${client}\nclient_name=${name}\nclient_port=${1024 + (serial % 60_000)}\nreverse_client_name=${name}\n` +
    `server_address=192.0.2.25\nserver_port=25\nhelo_name=${name}\nsender=user.${serial % 100_000}@news.dom-${serial % 4096}.example.org\n` +
    `recipient=first.last${(serial * 7919) % mailboxes}@dept.example.net\nrecipient_count=0\nqueue_id=\ninstance=1000.67000000.${serial.toString(16)}.0\n` +
    "size=90000\netrn_domain=\nstress=\nsasl_method=\nsasl_username=\nsasl_sender=\nccert_subject=\nccert_issuer=\nccert_fingerprint=\n" +
    "ccert_pubkey_fingerprint=\nencryption_protocol=TLSv1.3\nencryption_cipher=TLS_AES_256_GCM_SHA384\nencryption_keysize=256\npolicy_context=\n\n"
  );
}

/** One request outstanding on each connection, as smtpd has it. */
async function load(server: RunningServer, count: number): Promise<Sample> {
  const sockets = await Promise.all(
    Array.from({ length: connections }, async () => {
      const socket = connect({ host: "127.0.0.1", port: server.port, noDelay: true });
      await once(socket, "connect");
      return socket;
    }),
  );
  const cpuBefore = await cpuOf(server);
  const startedAt = performance.now();
  let left = count;
  await Promise.all(sockets.map((socket) => converse(socket, () => left-- > 0)));
  const seconds = (performance.now() - startedAt) / 1000;
  const cpu = (await cpuOf(server)) - cpuBefore;
  return { perSecond: count / seconds, cpuMicroseconds: cpu / count };
}

function converse(socket: Socket, another: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const ask = () => {
      if (another()) socket.write(makeRequest());
      else {
        socket.destroy();
        resolve();
      }
    };
    socket.on("data", (reply: Buffer) => {
      if (reply.toString() === "action=DUNNO\n\n") ask();
      else reject(new Error(`an unexpected reply: ${JSON.stringify(reply.toString())}`));
    });
    socket.on("error", reject);
    ask();
  });
}

function print(samples: ReadonlyMap<ServerName, readonly Sample[]>): void {
  const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
  const rows = [...samples].map(([name, taken]) => ({
    name,
    perSecond: median(taken.map((sample) => sample.perSecond)),
    cpu: median(taken.map((sample) => sample.cpuMicroseconds)),
  }));
  const [base] = rows;
  if (base === undefined) return;
  console.log(`policy front end, ${connections} connections, medians of ${rounds} × ${requests} requests`);
  console.log("| server | requests/s | ratio | CPU µs/request | ratio |");
  console.log("|---|---|---|---|---|");
  for (const { name, perSecond, cpu } of rows) {
    const ratios = [(perSecond / base.perSecond).toFixed(2), (cpu / base.cpu).toFixed(2)];
    console.log(`| ${name} | ${perSecond.toFixed(0)} | ${ratios[0]} | ${cpu.toFixed(1)} | ${ratios[1]} |`);
  }
}

async function serve(name: ServerName): Promise<void> {
  const port = name === "constant" ? await serveConstant() : await servePolicy(name === "policy, logged");
  const send = (report: Report) => process.send?.(report);
  process.on("message", () => {
    const { user, system } = process.cpuUsage();
    send({ cpu: user + system });
  });
  process.on("disconnect", () => process.exit());
  send({ port });
}

async function serveConstant(): Promise<number> {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on("data", (bytes) => {
      // The load sends each request in one piece.
      if (bytes.indexOf("\n\n") >= 0) socket.write("action=DUNNO\n\n");
    });
    socket.on("error", () => {});
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

async function servePolicy(isLogged: boolean): Promise<number> {
  const recipients = new Set(Array.from({ length: mailboxes }, (_, index) => `first.last${index}@dept.example.net`));
  const domains = new Set([...recipients].map(domainOf));
  const directory: Directory = {
    name: "accounts",
    waits: false,
    isLocalDomain: (domain) => domains.has(domain),
    recipient: (address) => (recipients.has(address) ? { kind: "mailbox", primaries: [address] } : undefined),
    verify: () => [],
    expand: () => undefined,
  };
  const core = { settings: settings(), sources: sourcesOf([directory]) };
  const log = isLogged ? openLog({ level: "info", format: "json" }).logger : undefined;
  const answer = answerPolicy({
    listener: "smtp",
    core: () => core,
    mode: () => "enforce",
    isTrusted: () => false,
    localPort: () => undefined,
    onDecision: (decision) => log?.info(decision),
    reads: () => isLogged,
    onNotice: (notice) => console.error(notice),
  });
  const delayed = new DelayedReplies(() => 20);
  const listener = await listen({
    name: "smtp",
    bind: [{ kind: "inet", host: "127.0.0.1", port: 0 }],
    socketMode: 0o660,
    socketGroup: undefined,
    maxConnections: 1000,
    protocol: () => ({ decoder: new PolicyDecoder(), answer, delayed }),
    onNotice: (notice) => console.error(notice),
  });
  return Number(listener.addresses[0]?.split(":").at(-1));
}

if (import.meta.main) {
  const name = servers.find((one) => one === process.argv[2]);
  await (name === undefined ? benchPolicy() : serve(name));
}
