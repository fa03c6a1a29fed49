import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, expect, it } from "vitest";
import { parseConfiguration } from "../../../src/config/load.ts";
import { ListenProblem, messageIn, socketWarnings } from "../../../src/daemon/listen-problem.ts";
import { BoundSockets } from "../../../src/daemon/listen-sockets.ts";

const folder = mkdtempSync(join(tmpdir(), "postern-listen-"));
afterAll(() => rmSync(folder, { recursive: true }));
writeFileSync(join(folder, "file"), "");

const inFolder = (text: string) => text.replaceAll("FOLDER", folder);

function configurationWith(listener: string) {
  const text = `[listener.smtp]\nprotocol = "policy"\n${inFolder(listener)}\n[directory.mta]\ntype = "mta"\n`;
  const { configuration } = parseConfiguration(text, "postern.toml", () => "");
  if (configuration === undefined) throw new Error(text);
  return configuration;
}

it.each([
  [
    'bind = ["unix:FOLDER/nowhere/socket"]',
    "3:9: listener.smtp.bind[0]: there is no folder FOLDER/nowhere. Create it, or correct the path.",
  ],
  ['bind = ["unix:FOLDER/file/socket"]', "3:9: listener.smtp.bind[0]: FOLDER/file is not a folder. Correct the path."],
  [
    'bind = ["unix:FOLDER/file"]',
    "3:9: listener.smtp.bind[0]: FOLDER/file is there and is not a socket. End or remove it, or choose another path.",
  ],
  [
    'bind = ["unix:FOLDER/socket"]\nsocket-group = "no-such-group"',
    '4:16: listener.smtp.socket-group: no group "no-such-group" in /etc/group; name another, or give its number.',
  ],
  [
    'bind = ["127.0.0.1:0", "192.0.2.1:10040"]',
    "3:24: listener.smtp.bind[1]: this machine has no address 192.0.2.1. Correct it, or wait until the network is up.",
  ],
])("%s", async (listener, expected) => {
  const configuration = configurationWith(listener);
  const sockets = new BoundSockets(pino({ level: "silent" }));
  const error = await sockets.change(configuration?.listeners ?? [], () => () => true).catch((cause: unknown) => cause);
  expect(messageIn(configuration, error)).toBe(`postern.toml:${inFolder(expected)}`);
});

it.each(["127.0.0.1:10040", "unix:FOLDER/socket"])("of a process that may open no more files: %s", (address) => {
  const configuration = configurationWith(`bind = ["${address}"]`);
  const [bind] = configuration.listeners.flatMap((listener) => listener.bind);
  if (bind === undefined) expect.unreachable();
  const cause = Object.assign(new Error("listen EMFILE: too many open files"), { code: "EMFILE" });
  const problem = new ListenProblem({ name: "smtp", index: 0, bind, socketGroup: undefined }, cause);
  expect(messageIn(configuration, problem)).toBe(
    "postern.toml:3:9: listener.smtp.bind[0]: this process may open no more files. Raise LimitNOFILE (ulimit -n).",
  );
});

it.each<[listener: string, warnings: readonly string[]]>([
  ['bind = ["unix:FOLDER/socket", "192.0.2.1:10040"]\nsocket-group = "0"', []],
  ['bind = ["127.0.0.1:10040"]\nsocket-group = "no-such-group"', []],
  [
    'bind = ["unix:FOLDER/nowhere/socket", "unix:FOLDER/file/socket", "unix:FOLDER/file"]',
    [
      "3:9: warning: listener.smtp.bind[0]: there is no folder FOLDER/nowhere. Create it, or correct the path.",
      expect.stringMatching(/^postern.toml:3:\d+: warning: listener.smtp.bind\[1\]: .*\/file is not a folder. Correct the path.$/),
      expect.stringMatching(/ listener.smtp.bind\[2\]: .*\/file is there and is not a socket. End or remove it, or choose another path.$/),
    ],
  ],
  [
    'bind = ["unix:FOLDER/socket", "unix:FOLDER/nowhere/socket"]\nsocket-group = "no-such-group"',
    ['4:16: warning: listener.smtp.socket-group: no group "no-such-group" in /etc/group; name another, or give its number.'],
  ],
])("without opening anything: %s", (listener, warnings) => {
  const expected = warnings.map((each) => (typeof each === "string" ? `postern.toml:${inFolder(each)}` : each));
  expect(socketWarnings(configurationWith(listener))).toEqual(expected);
});
