/** Call-ahead against servers that behave, and servers that do not. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { TemporaryError } from "../../../../src/answer/temporary-error.ts";
import type { CallAheadSettings, ServerSettings } from "../../../../src/directory/call-ahead/call-ahead-settings.ts";
import { maxConnections } from "../../../../src/directory/call-ahead/smtp-pool.ts";
import { takesAllText } from "../../../../src/directory/call-ahead.ts";
import type { CacheSettings } from "../../../../src/directory/directory-settings.ts";
import { openDirectory } from "../../../../src/directory/open-directory.ts";
import { Files } from "../../../../src/file/files.ts";
import { directoryContract } from "../../../contract/directory.ts";
import { type Certificate, makeCertificate } from "../../../support/certificates.ts";
import { patienceMs } from "../../../support/patience.ts";
import { hangUp, type SmtpServer, type SmtpServerOptions, startSmtpServer } from "../../../support/smtp-server.ts";

const cache: CacheSettings = { entries: 100, positiveMs: 1000, negativeMs: 100, staleMs: 10_000 };
const noCache: CacheSettings = { ...cache, entries: 0 };

interface Changes extends Partial<Omit<CallAheadSettings, "server">> {
  readonly server?: Partial<ServerSettings>;
  readonly cache?: CacheSettings;
  /** Milliseconds. */
  readonly now?: () => number;
}

function openFor(port: number, { server, now = () => 0, ...changes }: Changes = {}) {
  const news: string[] = [];
  const opened = openDirectory(
    {
      ...{ type: "smtp", name: "inner", cache: noCache, domains: ["example.org"], probe: "postern-probe-{random}", timeoutMs: patienceMs },
      server: { protocol: "smtp", host: "127.0.0.1", port, tls: { mode: "disable" }, ehlo: "mx.example", ...server },
      ...changes,
    },
    {
      store: () => expect.unreachable(),
      queries: () => expect.unreachable(),
      maxListMembers: 10_000,
      files: new Files(
        () => 0,
        () => {},
      ),
      now,
      onAvailability: (name, up, cause) => news.push(up ? `${name}: up` : `${name}: ${(cause as Error).message}`),
      onTakesAll: (name, domain, takesAll) => news.push(`${name}: ${domain} ${takesAll ? "takes all" : "checks"}`),
      onShortcoming: (name, what) => news.push(`${name}: ${what}`),
    },
  );
  onTestFinished(() => opened.close?.());
  const { directory } = opened;
  const cannotTell = async (address: string) => {
    const error = await Promise.resolve(directory.recipient(address)).then(
      (found) => expect.unreachable(`${address}: ${JSON.stringify(found)}`),
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(TemporaryError);
    return (error as Error).message.replaceAll(String(port), "PORT");
  };
  return { directory, news, cannotTell, connections: opened.connections ?? [], close: () => opened.close?.() };
}

async function serve(options: SmtpServerOptions = {}): Promise<SmtpServer> {
  const server = await startSmtpServer(options);
  onTestFinished(() => server.close());
  return server;
}

const mailbox = (address: string, state?: "full" | "unchecked") => ({ kind: "mailbox", primaries: [address], ...(state && { state }) });
const withoutProbe = (commands: readonly string[]) => {
  // A probe is made on a connection of its own.
  const asked = commands.filter((command) => command.startsWith("RCPT ") && !command.includes("postern-probe"));
  return asked.map((command) => command.slice("RCPT TO:".length));
};

/** A server that listens, and whose queue of connections is full until it hears; then it says 250 to everything. */
async function startDeafServer() {
  const gate = new Int32Array(new SharedArrayBuffer(4));
  const worker = new Worker(
    `const { parentPort, workerData } = require("node:worker_threads");
    const server = require("node:net").createServer((socket) => {
      socket.on("error", () => {}).on("data", (data) => socket.write(/^RCPT .*probe/.test(data) ? "550 5.1.1 No\\r\\n" : "250 ok\\r\\n"));
      socket.write("220 inner.example\\r\\n");
    });
    server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
      parentPort.postMessage(server.address().port);
      setImmediate(() => Atomics.wait(workerData, 0, 0));
    });`,
    { eval: true, workerData: gate },
  );
  const [port] = (await once(worker, "message")) as [number];
  // One more than the backlog is let in.
  const queue = [connect(port, "127.0.0.1"), connect(port, "127.0.0.1")];
  await Promise.all(queue.map((socket) => once(socket, "connect")));
  const hear = () => {
    Atomics.store(gate, 0, 1);
    Atomics.notify(gate, 0);
  };
  const stop = async () => {
    hear();
    for (const socket of queue) socket.destroy();
    await worker.terminate();
  };
  return { port, hear, stop };
}

let folder: string;
let own: Certificate;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "postern-call-ahead-"));
  own = makeCertificate(folder, "inner", "/CN=inner.example", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost");
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("what is asked", () => {
  it("is MAIL, RCPT and RSET, on a connection that is kept", async () => {
    const server = await serve();
    const { directory } = openFor(server.port);
    expect(await directory.recipient("john@example.org")).toEqual(mailbox("john@example.org"));
    await expect.poll(() => server.commands.filter((command) => command === "RSET")).toHaveLength(2);
    const before = server.commands.length;
    expect(await directory.recipient("x@example.org")).toBeUndefined();
    await expect.poll(() => server.commands.slice(before)).toEqual(["MAIL FROM:<>", "RCPT TO:<x@example.org>", "RSET"]);
  });

  it("is LHLO by LMTP, over a socket", async () => {
    const path = join(folder, "lmtp");
    const server = await serve({ at: path });
    const { directory } = openFor(0, { server: { protocol: "lmtp", host: path } });
    expect(await directory.recipient("john@example.org")).toEqual(mailbox("john@example.org"));
    expect(server.commands).toContain("LHLO mx.example");
    expect(server.commands.join()).not.toContain("EHLO");
  });

  it.each([
    ["a b@example.org", '<"a b"@example.org>'],
    ['a"\\b@example.org', '<"a\\"\\\\b"@example.org>'],
    ["a@b@example.org", '<"a@b"@example.org>'],
    ["a@example.org> <b@example.org", '<"a@example.org> <b"@example.org>'],
    ["a> NOTIFY=NEVER <b@example.org", '<"a> NOTIFY=NEVER <b"@example.org>'],
    ["john@[192.0.2.1]", "<john@[192.0.2.1]>"],
  ])("has quotes where they are needed: %s", async (address, asked) => {
    const server = await serve();
    expect(await openFor(server.port).directory.recipient(address)).toEqual(mailbox(address));
    expect(withoutProbe(server.commands)).toEqual([asked]);
  });

  it.each([
    "@example.org",
    "@",
    "john",
    "",
    "a\r\nDATA@example.org",
    "a\n@example.org",
    "a\r@example.org",
    "a\0@example.org",
    "a\u0085@example.org",
    "a@example.org\r\nDATA",
    "a@exa mple.org",
    `${"a".repeat(250)}@example.org`,
  ])("is nothing about what can be no mailbox: %j", async (address) => {
    const server = await serve();
    expect(await openFor(server.port).directory.recipient(address)).toBeUndefined();
    expect(server.commands).toEqual([]);
  });

  it("has SMTPUTF8 where the server offers it, and else is nothing", async () => {
    const [able, unable] = [
      await serve({ offers: ["SMTPUTF8"], reply: (command) => (command.startsWith("MAIL ") ? "250 ok\r\n" : undefined) }),
      await serve(),
    ];
    expect(await openFor(able.port).directory.recipient("jürgen@example.org")).toEqual(mailbox("jürgen@example.org"));
    expect(able.commands).toContain("MAIL FROM:<> SMTPUTF8");
    expect(withoutProbe(able.commands)).toEqual(["<jürgen@example.org>"]);
    expect(await openFor(unable.port).directory.recipient("jürgen@example.org")).toBeUndefined();
    expect(withoutProbe(unable.commands)).toEqual([]);
  });

  it("is local in the domains of the configuration, without a question", async () => {
    const server = await serve();
    const { directory } = openFor(server.port);
    expect(["example.org", "sub.example.org", "example.com", ""].map((domain) => directory.isLocalDomain(domain))).toEqual([
      ...[true, false, false, false],
    ]);
    expect(server.commands).toEqual([]);
  });
});

describe("a directory of one server", () => {
  let server: SmtpServer;
  const known = /^RCPT TO:<(?:john|j\.doe|jane|staff)@example\.(?:org)>$/;
  directoryContract(
    "smtp",
    async () => {
      server = await startSmtpServer({
        reply: (command) => (command.startsWith("RCPT ") && !known.test(command) ? "550 5.1.1 No\r\n" : undefined),
      });
      const opened = openDirectory(
        {
          ...{ type: "smtp", name: "inner", cache, domains: ["example.org", "example.net"], probe: "{random}", timeoutMs: patienceMs },
          server: { protocol: "smtp", host: "127.0.0.1", port: server.port, tls: { mode: "disable" }, ehlo: "mx.example" },
        },
        {
          ...{
            store: () => expect.unreachable(),
            queries: () => expect.unreachable(),
            maxListMembers: 10_000,
            files: new Files(
              () => 0,
              () => {},
            ),
            now: () => 0,
          },
          ...{ onAvailability: () => {}, onTakesAll: () => {}, onShortcoming: () => {} },
        },
      );
      return {
        directory: opened.directory,
        async close() {
          opened.close?.();
          await server.close();
        },
      };
    },
    { onlyAddresses: true },
  );
});

it("is asked by HELO where it knows no EHLO", async () => {
  const reply = (command: string) =>
    command.startsWith("EHLO") ? "500 5.5.1 What?\r\n" : command.startsWith("HELO") ? "250 inner.example\r\n" : undefined;
  const server = await serve({ reply });
  const { directory } = openFor(server.port);
  expect(await directory.recipient("john@example.org")).toEqual(mailbox("john@example.org"));
  expect(server.commands).toContain("HELO mx.example");
});

describe("replies", () => {
  it("that a mailbox is full are answers that are not kept", async () => {
    const server = await serve();
    const { directory } = openFor(server.port, { cache });
    expect(await directory.recipient("full@example.org")).toEqual(mailbox("full@example.org", "full"));
    expect(await directory.recipient("full@example.org")).toEqual(mailbox("full@example.org", "full"));
    expect(withoutProbe(server.commands)).toHaveLength(2);
  });

  it("that say nothing of the recipient are not kept, nor an outage until there are several", async () => {
    const server = await serve();
    const { directory, news, cannotTell } = openFor(server.port, { cache });
    for (let count = 1; count < 5; count += 1) {
      expect(await cannotTell("later@example.org")).toBe('directory "inner": 127.0.0.1:PORT: RCPT TO:<later@example.org>: 451 4.3.0 Later');
    }
    expect(news).toEqual([]);
    await cannotTell("later@example.org");
    expect(news).toEqual([expect.stringContaining("451 4.3.0 Later")]);
    expect(withoutProbe(server.commands)).toHaveLength(5);
    await directory.recipient("john@example.org");
    expect(news.slice(1)).toEqual(["directory inner: up"]);
  });

  it("are known to explain", async () => {
    const server = await serve();
    const { directory } = openFor(server.port);
    await directory.recipient("x@example.org");
    expect(directory.saidOf?.("x@example.org")).toBe("RCPT TO:<x@example.org>: 550 5.1.1 No such user at inner.example");
    expect(directory.saidOf?.("john@example.org")).toBeUndefined();
  });
});

/** Each is about the server, whatever it says; the recipient would exist. */
const unusable: [what: string, options: SmtpServerOptions, message: string][] = [
  [
    "greets with 554",
    { reply: (command) => (command === "connect" ? "554 5.7.1 Go away\r\n" : undefined) },
    "it is greeted by 554 5.7.1 Go away",
  ],
  ["is full", { reply: () => "421 4.3.2 Too many connections\r\n" }, "421 4.3.2 Too many connections"],
  [
    "knows neither EHLO nor HELO",
    { reply: (command) => (/^(?:EHLO|HELO)/.test(command) ? "502 What?\r\n" : undefined) },
    "HELO mx.example: 502 What?",
  ],
  [
    "wants no EHLO of us",
    { reply: (command) => (command.startsWith("EHLO") ? "550 Not you\r\n" : undefined) },
    "EHLO mx.example: 550 Not you",
  ],
  [
    "takes no MAIL",
    { reply: (command) => (command.startsWith("MAIL") ? "550 5.7.1 Not you\r\n" : undefined) },
    "MAIL FROM:<>: 550 5.7.1 Not you",
  ],
  ["closes at RCPT", { reply: (command) => (command.startsWith("RCPT") ? hangUp : undefined) }, "it was closed by the server"],
  ["says 421 at RCPT", { reply: (command) => (command.startsWith("RCPT") ? "421 4.3.0 Bye\r\n" : undefined) }, "421 4.3.0 Bye"],
  [
    "closes within a reply",
    { reply: (command) => (command.startsWith("RCPT") ? `550-5.1.1 No\r\n${hangUp}` : undefined) },
    "it was closed by the server",
  ],
  ["speaks HTTP", { reply: () => "HTTP/1.1 400 Bad Request\r\n" }, "a line that is no reply of SMTP"],
  ["sends garbage", { reply: (command) => (command.startsWith("RCPT") ? "\0\xff\n" : undefined) }, "a line that is no reply of SMTP"],
  [
    "has endless lines",
    { reply: (command) => (command.startsWith("RCPT") ? `550 ${"x".repeat(1_000_000)}` : undefined) },
    "a line of more than 2048 octets",
  ],
  [
    "has endless replies",
    { reply: (command) => (command.startsWith("RCPT") ? "550-5.1.1 No\r\n".repeat(10_000) : undefined) },
    "a reply of more than 100 lines",
  ],
  [
    "answers what it was not asked",
    { reply: (command) => (command.startsWith("MAIL") ? "250 ok\r\n550 5.1.1 No\r\n" : undefined) },
    "more than one reply to a command",
  ],
  [
    "answers twice before it ends the connection",
    { reply: (command) => (command.startsWith("RCPT") ? "550 5.1.1 No\r\n250 ok\r\n421 4.3.0 Bye\r\n" : undefined) },
    "more than one reply to a command",
  ],
  [
    "says more after it has ended the connection",
    { reply: (command) => (command.startsWith("RCPT") ? "550 5.1.1 No\r\n421 4.3.0 Bye\r\n250 ok\r\n" : undefined) },
    "more than one reply to a command",
  ],
  [
    "refuses us",
    { reply: (command) => (command.startsWith("RCPT") ? "550 5.7.1 Relaying denied\r\n" : undefined) },
    "RCPT TO:<john@example.org>: 550 5.7.1 Relaying denied",
  ],
  ["freezes", { reply: (command) => (command.startsWith("RCPT") ? "" : undefined) }, "no answer in 100 ms"],
  ["freezes at once", { reply: () => "" }, "no answer in 100 ms"],
];

describe("a server that cannot be asked", () => {
  it.each(unusable)("%s: cannot tell", async (what, options, message) => {
    const server = await serve(options);
    const timeoutMs = what.startsWith("freezes") ? 100 : patienceMs;
    const { cannotTell } = openFor(server.port, { timeoutMs });
    expect(await cannotTell("john@example.org")).toBe(`directory "inner": 127.0.0.1:PORT: ${message}`);
  });

  it("is one outage, and asked again as soon as it is back", async () => {
    let server = await startSmtpServer();
    const { port } = server;
    const { directory, news, cannotTell } = openFor(port, { cache: { ...cache, positiveMs: 0, staleMs: 0 } });
    await directory.recipient("john@example.org");
    await server.close();
    expect(await cannotTell("john@example.org")).toContain("ECONNREFUSED");
    await cannotTell("jane@example.org");
    expect(news).toHaveLength(1);
    server = await serve({ at: port });
    expect(await directory.recipient("john@example.org")).toEqual(mailbox("john@example.org"));
    expect(news.slice(1)).toEqual(["directory inner: up"]);
  });

  it("takes no connections: nobody waits for one until the end of the deadline, and it is asked as soon as it does", async () => {
    const deaf = await startDeafServer();
    onTestFinished(() => deaf.stop());
    const { cannotTell } = openFor(deaf.port, { timeoutMs: 400 });
    const addresses = Array.from({ length: maxConnections }, (_, number) => `john${number}@example.org`);
    for (const message of await Promise.all(addresses.map(cannotTell)))
      expect(message).toMatch(/no connection in 100 ms|no answer in 400 ms/);
    expect(await cannotTell("john@example.org")).toContain("no connection in 100 ms");
    const { directory } = openFor(deaf.port);
    deaf.hear();
    expect(await directory.recipient("john@example.org")).toEqual(mailbox("john@example.org"));
  });

  it("leaves what was known of an address valid for a while", async () => {
    const server = await startSmtpServer();
    let time = 0;
    const { directory, cannotTell } = openFor(server.port, { cache, now: () => time });
    await directory.recipient("john@example.org");
    await server.close();
    time = cache.positiveMs;
    expect(await directory.recipient("john@example.org")).toEqual(mailbox("john@example.org"));
    time = cache.positiveMs + cache.staleMs;
    await cannotTell("john@example.org");
  });

  it("fails what waits for it when it is closed", async () => {
    const server = await serve({ reply: () => "" });
    const opened = openFor(server.port);
    const failures = Promise.all(Array.from({ length: 2 * maxConnections }, (_, index) => opened.cannotTell(`u${index}@example.org`)));
    await expect.poll(() => server.open.size).toBe(maxConnections);
    opened.close();
    expect(new Set(await failures)).toEqual(new Set(['directory "inner": 127.0.0.1:PORT: it was closed']));
    expect(opened.news).toEqual([]);
  });
});

describe("connections", () => {
  it("are so many and no more", async () => {
    const server = await serve();
    let most = 0;
    const { directory } = openFor(server.port);
    const addresses = Array.from({ length: 100 }, (_, index) => `user${index}@example.org`);
    const found = await Promise.all(
      addresses.map(async (address) => {
        const recipient = await directory.recipient(address);
        most = Math.max(most, server.open.size);
        return recipient;
      }),
    );
    expect(found).toEqual(addresses.map((address) => mailbox(address)));
    expect(most).toBeLessThanOrEqual(maxConnections);
    expect(server.commands.filter((command) => command === "connect").length).toBeLessThan(2 * maxConnections);
  });

  it.each([
    ["without a word", (server: SmtpServer) => server.open.forEach((socket) => void socket.end())],
    ["with a reset", (server: SmtpServer) => server.open.forEach((socket) => void socket.resetAndDestroy())],
  ])("that the server closes while they are idle are no failure: %s", async (_, close) => {
    const server = await serve();
    const { directory, news } = openFor(server.port);
    await directory.recipient("john@example.org");
    close(server);
    expect(await directory.recipient("jane@example.org")).toEqual(mailbox("jane@example.org"));
    expect(news).toEqual([]);
  });

  it("that say 421 to the next question are no failure", async () => {
    let isStale = false;
    const server = await serve({
      reply: (command, connection) => (isStale && connection < 3 && command !== "QUIT" ? `421 4.4.2 Idle\r\n${hangUp}` : undefined),
    });
    const { directory, news } = openFor(server.port);
    await directory.recipient("john@example.org");
    isStale = true;
    expect(await directory.recipient("jane@example.org")).toEqual(mailbox("jane@example.org"));
    expect(news).toEqual([]);
  });

  it.each<[what: string, after: string]>([
    ["at once", "421 4.7.0 Too many errors\r\n"],
    ["in several lines", "421-4.7.0 Too many\r\n421 4.7.0 errors\r\n"],
  ])("that the server ends after a reply have that reply: %s", async (_, after) => {
    const server = await serve({
      reply: (command) => (/^RCPT TO:<(?:x|postern)/.test(command) ? `550 5.1.1 No\r\n${after}${hangUp}` : undefined),
    });
    const { directory, news } = openFor(server.port);
    for (const address of ["x1@example.org", "x2@example.org"]) expect(await directory.recipient(address)).toBeUndefined();
    expect(await directory.recipient("john@example.org")).toEqual(mailbox("john@example.org"));
    expect(news).toEqual([]);
  });

  it("that are refused at MAIL once they are kept are replaced", async () => {
    const mails = new Map<number, number>();
    const server = await serve({
      reply(command, connection) {
        if (!command.startsWith("MAIL")) return undefined;
        const before = mails.get(connection) ?? 0;
        mails.set(connection, before + 1);
        return before < 3 ? undefined : "452 4.3.1 Too many messages in this session\r\n";
      },
    });
    const { directory, news } = openFor(server.port);
    for (let count = 0; count < 20; count += 1)
      expect(await directory.recipient(`user${count}@example.org`)).toEqual(mailbox(`user${count}@example.org`));
    expect(news).toEqual([]);
  });

  it.each([1, 3])("of which the server gives no more than %i are waited for", async (most) => {
    const server: SmtpServer = await serve({
      reply: (command) => (command === "connect" && server.open.size > most ? `421 4.3.2 Too many connections\r\n${hangUp}` : undefined),
    });
    const { directory, news } = openFor(server.port);
    // More than a connection is kept for, of recipients that do not exist.
    for (let round = 0; round < 3; round += 1) {
      const addresses = Array.from({ length: 30 }, (_, index) => `x${round}-${index}@example.org`);
      const found = await Promise.all(addresses.map((address) => directory.recipient(address)));
      expect(found).toEqual(addresses.map(() => undefined));
    }
    for (let count = 0; count < 20; count += 1) expect(await directory.recipient(`x${count}@example.org`)).toBeUndefined();
    expect(news).toEqual([
      expect.stringMatching(/^inner: .*more connections are refused, .*beside [123]: (?:it is greeted by )?421 4\.3\.2/),
    ]);
  });

  it("are replaced before the server counts too many refusals or commands", async () => {
    const server = await serve();
    const { directory } = openFor(server.port);
    for (let count = 0; count < 30; count += 1) await directory.recipient(`x${count}@example.org`);
    expect(server.commands.filter((command) => command === "connect").length).toBeGreaterThan(3);
    const before = server.commands.length;
    for (let count = 0; count < 120; count += 1) await directory.recipient(`user${count}@example.org`);
    const runs = server.commands.slice(before).join("\n").split("connect");
    expect(runs.length).toBeGreaterThan(2);
    for (const run of runs) expect(run.split("RSET").length).toBeLessThan(100);
  });
});

describe("TLS", () => {
  it.each<[mode: "verify" | "require" | "prefer", ca: () => string | undefined, host: string]>([
    ["verify", () => own.cert, "127.0.0.1"],
    ["verify", () => own.cert, "localhost"],
    ["require", () => undefined, "127.0.0.1"],
    ["prefer", () => undefined, "127.0.0.1"],
  ])("%s: EHLO comes again after STARTTLS", async (mode, ca, host) => {
    const server = await serve({ certificate: own });
    const { directory } = openFor(server.port, { server: { host, tls: { mode, ca: ca(), cert: undefined, key: undefined } } });
    expect(await directory.recipient("john@example.org")).toEqual(mailbox("john@example.org"));
    const first = server.commands.filter((command) => /^(?:EHLO|STARTTLS)/.test(command));
    expect(first.filter((command) => command === "STARTTLS")).toHaveLength(2);
    expect(first.filter((command) => command.startsWith("EHLO"))).toHaveLength(4);
  });

  it("prefer: goes on in the clear where there is none", async () => {
    const server = await serve({ certificate: own, reply: refuse });
    const { directory } = openFor(server.port, { server: { tls: { mode: "prefer", ca: undefined, cert: undefined, key: undefined } } });
    expect(await directory.recipient("john@example.org")).toEqual(mailbox("john@example.org"));
  });

  it.each<[what: string, options: () => SmtpServerOptions, why: RegExp, timeoutMs?: number]>([
    // No cipher of Node.
    ["of an old kind", () => ({ certificate: { ...own, maxVersion: "TLSv1.1", minVersion: "TLSv1" } }), /alert|version/],
    ["that is cut off", () => ({ certificate: own, reply: cutOff }), /closed|disconnected|ECONNRESET/],
    ["that is silent", () => ({ offers: ["STARTTLS"], reply: onlyCommands }), /no TLS in 2000 ms/, 8000],
  ])("prefer: goes on in the clear where there is only TLS %s, and says so once", async (_, options, why, timeoutMs = patienceMs) => {
    const server = await serve(options());
    const { directory, news } = openFor(server.port, {
      timeoutMs,
      server: { tls: { mode: "prefer", ca: undefined, cert: undefined, key: undefined } },
    });
    for (const address of ["john@example.org", "jane@example.org"]) expect(await directory.recipient(address)).toEqual(mailbox(address));
    expect(news).toEqual([expect.stringContaining("STARTTLS is offered and does not work")]);
    expect(news[0]).toMatch(why);
  });

  /** What begins TLS may have line ends in it, too. */
  const onlyCommands = (command: string) => (/^[A-Za-z]{4}/.test(command) ? undefined : "");
  const cutOff = (command: string) => (command === "STARTTLS" ? `220 2.0.0 Go\r\n${hangUp}` : undefined);
  const strip: SmtpServerOptions = { reply: (command) => (command.startsWith("EHLO") ? "250 inner.example\r\n" : undefined) };
  const inject: SmtpServerOptions["reply"] = (command) => (command === "STARTTLS" ? "220 Go\r\n250 ok\r\n" : undefined);
  const refuse = (command: string) => (command === "STARTTLS" ? "454 4.7.0 Not now\r\n" : undefined);
  it.each<[what: string, mode: "verify" | "require" | "prefer", options: () => SmtpServerOptions, message: string]>([
    ["a certificate that nobody knows", "verify", () => ({ certificate: own }), "self-signed certificate"],
    ["STARTTLS taken out", "require", () => strip, "it offers no STARTTLS"],
    ["STARTTLS taken out", "verify", () => strip, "it offers no STARTTLS"],
    ["replies before TLS", "prefer", () => ({ certificate: own, reply: inject }), "more than one reply to a command"],
    ["STARTTLS refused", "require", () => ({ certificate: own, reply: refuse }), "STARTTLS: 454 4.7.0 Not now"],
  ])("%s, with %s: cannot tell", async (_, mode, options, message) => {
    const server = await serve(options());
    const { cannotTell } = openFor(server.port, { server: { tls: { mode, ca: undefined, cert: undefined, key: undefined } } });
    expect(await cannotTell("john@example.org")).toContain(message);
    expect(server.commands.filter((command) => command.startsWith("RCPT"))).toEqual([]);
  });
});

describe("the probe", () => {
  let takesAll: boolean;
  let time: number;
  const everybody: SmtpServerOptions = { reply: (command) => (takesAll && command.startsWith("RCPT ") ? "250 ok\r\n" : undefined) };
  const probes = ({ commands }: SmtpServer) => commands.filter((command) => command.includes("postern-probe"));
  beforeEach(() => {
    takesAll = true;
    time = 0;
  });

  it("shows a server that takes everybody, whose recipients are no longer asked about", async () => {
    const server = await serve(everybody);
    const { directory, news } = openFor(server.port, { cache, now: () => time });
    expect(await directory.recipient("x@example.org")).toEqual(mailbox("x@example.org", "unchecked"));
    expect(await directory.recipient("x2@example.org")).toEqual(mailbox("x2@example.org", "unchecked"));
    expect(news).toEqual(["inner: example.org takes all"]);
    expect(withoutProbe(server.commands)).toEqual(["<x@example.org>"]);
    expect(probes(server)).toEqual([expect.stringMatching(/^RCPT TO:<postern-probe-[\da-f]{12}@example\.org>$/)]);
  });

  it("is made once an hour for each domain, and shows when it is over", async () => {
    const server = await serve(everybody);
    const { directory, news } = openFor(server.port, { domains: ["example.org", "example.net"], now: () => time });
    await directory.recipient("x@example.org");
    await directory.recipient("x@example.net");
    time = 3_599_999;
    await directory.recipient("x@example.org");
    expect(probes(server)).toHaveLength(2);
    takesAll = false;
    time = 3_600_000;
    // What is known stands until the answer is there.
    expect(await directory.recipient("x@example.org")).toEqual(mailbox("x@example.org", "unchecked"));
    await expect.poll(() => news).toContain("inner: example.org checks");
    expect(await directory.recipient("x@example.org")).toBeUndefined();
    expect(await directory.recipient("x@example.net")).toEqual(mailbox("x@example.net", "unchecked"));
  });

  it("that cannot be made leaves what was known", async () => {
    const server = await startSmtpServer(everybody);
    const { directory, news } = openFor(server.port, { now: () => time });
    await directory.recipient("x@example.org");
    await server.close();
    time = 3_600_000;
    for (let count = 0; count < 3; count += 1)
      expect(await directory.recipient("x@example.org")).toEqual(mailbox("x@example.org", "unchecked"));
    await expect.poll(() => news.slice(1)).toEqual([expect.stringContaining("ECONNREFUSED")]);
  });

  it("that is deferred says nothing against what is clear", async () => {
    const server = await serve({ reply: (command) => (command.includes("postern-probe") ? "450 4.2.0 Greylisted\r\n" : undefined) });
    const { directory } = openFor(server.port);
    expect(await directory.recipient("john@example.org")).toEqual(mailbox("john@example.org"));
    expect(await directory.recipient("x@example.org")).toBeUndefined();
  });

  it("is what check --connect makes in each domain", async () => {
    const server = await serve({
      reply: (command) => (/^RCPT /.test(command) ? (command.includes("@example.net") ? "250 ok\r\n" : "550 5.1.1 No\r\n") : undefined),
    });
    const { connections } = openFor(server.port, { domains: ["example.org", "example.net"], probe: "nobody-{random}-x" });
    const seen = await Promise.all(connections.map(async ({ name, connect }) => `${name}: ${await connect()}`));
    expect(seen.map((line) => line.replace(/[\da-f]{12}/, "R"))).toEqual([
      "example.org: RCPT TO:<nobody-R-x@example.org>: 550 5.1.1 No",
      `example.net: RCPT TO:<nobody-R-x@example.net>: 250 ok. ${takesAllText}`,
    ]);
    const refused = openFor((await serve({ reply: (command) => (command.startsWith("RCPT") ? "550 5.7.1 Not you\r\n" : undefined) })).port);
    await expect(refused.connections[0]?.connect()).rejects.toThrow(TemporaryError);
    expect(refused.news).toEqual([expect.stringContaining("550 5.7.1 Not you")]);
  });
});
