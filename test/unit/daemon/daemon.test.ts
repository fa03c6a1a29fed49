/** What a daemon does when changes and its end come together. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import type { Configuration } from "../../../src/config/configuration.ts";
import { parseConfiguration } from "../../../src/config/load.ts";
import { type Daemon, startDaemon } from "../../../src/daemon/daemon.ts";
import { createLogger } from "../../../src/daemon/log.ts";
import { frame, strings, uint32 } from "../../support/milter-frames.ts";

const mta = '[directory.mta]\ntype = "mta"\n';

function configurationOf(policy: readonly string[], milter: readonly string[] = [], more = mta): Configuration {
  const table = (protocol: string) => (name: string) => `[listener.${name}]\nprotocol = "${protocol}"\nbind = ["127.0.0.1:0"]\n`;
  const tables = [...policy.map(table("policy")), ...milter.map(table("milter"))];
  const { configuration, problems } = parseConfiguration(`${tables.join("")}${more}`, "daemon.toml", () => "");
  if (configuration === undefined) throw new Error(problems.map(({ message }) => message).join("\n"));
  return configuration;
}

const daemons: Daemon[] = [];

afterEach(async () => {
  for (const daemon of daemons.splice(0)) await daemon.stop();
});

async function start(policy: readonly string[], milter: readonly string[] = [], more = mta) {
  const lines: Record<string, unknown>[] = [];
  const addresses = new Map<string, string>();
  const write = (line: string) => {
    const fields = JSON.parse(line) as { event?: string; listener?: string; addresses?: string[] };
    const { event, listener, addresses: bound } = fields;
    lines.push(fields);
    if (event === "listening") addresses.set(listener ?? "", bound?.[0] ?? "");
  };
  const logger = createLogger({ level: "info", fields: {}, clock: () => 0, write });
  const daemon = await startDaemon(configurationOf(policy, milter, more), logger);
  daemons.push(daemon);
  const open = async (listener: string) => {
    const socket = connect(Number(addresses.get(listener)?.split(":").at(-1)), "127.0.0.1");
    await once(socket, "connect");
    return socket;
  };
  return { daemon, open, logger, lines };
}

test("an end that comes during a reload comes after it", async () => {
  const { daemon, open } = await start(["one"]);
  const reloaded = daemon.reload(configurationOf(["one", "two"]));
  await daemon.stop();
  await reloaded;
  for (const listener of ["one", "two"]) await expect(open(listener)).rejects.toMatchObject({ code: "ECONNREFUSED" });
});

test("a message of a listener that a reload takes away is waited for", async () => {
  const { daemon, open } = await start(["one"], ["two"]);
  const socket = await open("two");
  socket.setEncoding("latin1");
  const ask = async (letter: string, data: string) => {
    socket.write(frame(letter, data));
    const [answer] = await once(socket, "data");
    return String(answer).slice(4);
  };
  await ask("O", uint32(6) + uint32(0) + uint32(0));
  await ask("C", `mx.client.example\0U`);
  await ask("H", strings("mx.client.example"));
  expect(await ask("M", strings("<a@client.example>"))).toBe("c");
  await daemon.reload(configurationOf(["one"]));
  const stopped = daemon.stop();
  expect(await ask("R", strings("<b@example.org>"))).toBe("c");
  socket.write(frame("Q", ""));
  await stopped;
});

test("who reads only warnings sees that mail for the postmaster lacks a mailbox", async () => {
  const directory = '[directory.accounts]\ntype = "memory"\n[[directory.accounts.principals]]\nname = "a"\nemail = ["a@example.org"]\n';
  const { open, logger, lines } = await start(["one"], [], directory);
  logger.level = "warn";
  lines.length = 0;
  const socket = await open("one");
  for (const recipient of ["a@example.org", "postmaster@example.org"]) {
    socket.write(
      `protocol_state=RCPT\nclient_address=203.0.113.9\nclient_port=7\nhelo_name=x.example\ninstance=1\nrecipient=${recipient}\n\n`,
    );
    await once(socket, "data");
  }
  expect(lines).toMatchObject([{ event: "postmaster", recipient: "postmaster@example.org" }]);
});

test("a key that reaches the limit of a throttle is logged once, however often it is refused", async () => {
  const stateDirectory = mkdtempSync(join(tmpdir(), "postern-throttled-"));
  const throttle = '[[session.throttle]]\nname = "mail"\nkey = ["sender", "remote_ip"]\nrate = "1/1d"\n';
  const { open, logger, lines } = await start(
    ["one"],
    [],
    `${mta}[server]\nstate-directory = ${JSON.stringify(stateDirectory)}\n${throttle}`,
  );
  logger.level = "warn";
  lines.length = 0;
  const socket = await open("one");
  for (const instance of [1, 2, 3, 4]) {
    socket.write(`protocol_state=MAIL\nclient_address=203.0.113.9\nhelo_name=x.example\ninstance=${instance}\nsender=a@client.example\n\n`);
    await once(socket, "data");
  }
  expect(lines).toMatchObject([
    {
      ...{ event: "throttle", throttle: "mail", key: "a@client.example 203.0.113.9" },
      msg: expect.stringContaining("reached its limit, 1/1d by sender, remote_ip"),
    },
  ]);
  rmSync(stateDirectory, { recursive: true });
});

test("reloads that come faster than questions are answered leave no more than two cores open", async () => {
  const silent = createServer().listen(0, "127.0.0.1");
  await once(silent, "listening");
  const { port } = silent.address() as AddressInfo;
  const store = `[store.slow]\ntype = "postgresql"\nhost = "127.0.0.1"\nport = ${port}\ntimeout = "300ms"\n`;
  const directory = '[directory.accounts]\ntype = "sql"\nstore = "slow"\n';
  const { daemon, open, lines } = await start(["one"], [], store + directory);
  const socket = await open("one");
  socket.write("protocol_state=RCPT\nclient_address=203.0.113.9\nhelo_name=x.example\ninstance=1\nrecipient=a@example.org\n\n");
  const asked = await once(silent, "connection");
  const decided = () => lines.some(({ event }) => event === "decision");
  await daemon.reload(configurationOf(["one"], [], `${store}${directory}[session.rcpt]\nmax-recipients = 2\n`));
  expect(decided()).toBe(false);
  await daemon.reload(configurationOf(["one"], [], `${store}${directory}[session.rcpt]\nmax-recipients = 3\n`));
  expect(decided()).toBe(true);
  for (const connection of asked) connection.destroy();
  silent.close();
});
