/** `postern query` as a command: what it prints, and how it ends. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { program } from "../../support/program.ts";

const folder = mkdtempSync(join(tmpdir(), "postern-query-"));
afterAll(() => rmSync(folder, { recursive: true }));

const config = join(folder, "postern.toml");
writeFileSync(
  config,
  `[listener.smtp]
protocol = "policy"
bind = ["127.0.0.1:10040"]
trusted-networks = ["192.0.2.0/24"]
[listener.map]
protocol = "socketmap"
bind = ["127.0.0.1:10042"]
local-port = 587
trusted-networks = ["198.51.100.0/24"]
[directory.local]
type = "memory"
principals = [
  { name = "john", email = ["john@example.org"], email-list = ["all@example.org"] },
  { name = "jane", email = ["jane@example.org"], email-list = ["all@example.org"] },
]
[lookup.senders]
"<>" = "null"
[session.extensions]
dsn = "listener == 'map'"
vrfy = "is_trusted"
`,
);

function query(...words: readonly string[]): Promise<readonly [number, string, string]> {
  const command = [program, "query", "-c", config, "--state-directory", folder, ...words];
  return new Promise((resolve) => {
    execFile(process.execPath, command, (error, stdout, stderr) => resolve([Number(error?.code ?? 0), stdout, stderr]));
  });
}

describe.concurrent("postern query", () => {
  it.each<[string, string, number, string, RegExp]>([
    ["aliases", "John+tag@example.org", 0, "john@example.org\n", /^$/],
    ["aliases", "<john+tag@example.org>", 0, "john@example.org\n", /^$/],
    ["lookup/senders", "<>", 0, "null\n", /^$/],
    ["recipients", "nosuch@example.org", 1, "", /^$/],
    ["virtual", "john@example.org", 2, "", /no map "virtual"; there are recipients, /],
    ["virtuser", "all@example.org", 75, "", /^cannot tell: /],
    ["helo", "localhost", 1, "", /^$/],
    ["ehlo-keywords", "192.0.2.1", 0, "vrfy\n", /^$/],
    ["ehlo-keywords", "198.51.100.1", 1, "", /^$/],
  ])("%s %s", async (map, key, status, stdout, stderr) => {
    expect(await query(map, key)).toEqual([status, stdout, expect.stringMatching(stderr)]);
  });
});
