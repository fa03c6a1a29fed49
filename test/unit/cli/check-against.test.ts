/** `postern check --against`: what differs, and where it is written, from a file or from what a daemon serves by. */
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { checkCommand } from "../../../src/cli/check.ts";
import { renderConfiguration } from "../../../src/config/docs/print.ts";
import { loadConfiguration } from "../../../src/config/load.ts";

const folder = mkdtempSync(join(tmpdir(), "postern-against-"));
const [before, after, same] = ["before.toml", "after.toml", "same.json"].map((name) => join(folder, name)) as [string, string, string];
afterAll(() => rmSync(folder, { recursive: true }));

beforeAll(() => {
  writeFileSync(
    before,
    `[server]
hostname = "mx.example.org"
[listener.smtp]
protocol = "policy"
bind = ["127.0.0.1:10040"]
[directory.accounts]
type = "mta"
[session.rcpt]
max-recipients = 50
deny = [ { if = "is_tls" }, { if = "sender == ''" } ]
`,
  );
  writeFileSync(
    after,
    `[server]
hostname = "mx.example.org"
[listener.smtp]
protocol = "policy"
bind = ["127.0.0.1:10040"]
mode = "shadow"
[directory.accounts]
type = "mta"
[session.rcpt]
deny = [ { if = "sender == ''" }, { if = "is_trusted" } ]
`,
  );
  writeFileSync(
    same,
    JSON.stringify({
      server: { hostname: "mx.example.org" },
      listener: { smtp: { protocol: "policy", bind: ["127.0.0.1:10040"] } },
      directory: { accounts: { type: "mta" } },
      MtaStageRcpt: { maxRecipients: 50, deny: [{ if: "is_tls" }, { if: "sender == ''" }] },
    }),
  );
});

async function check(file: string, against: string): Promise<{ status: number; out: string; err: string }> {
  const [out, err] = [vi.spyOn(process.stdout, "write"), vi.spyOn(process.stderr, "write")];
  for (const spy of [out, err]) spy.mockReturnValue(true);
  const text = ({ mock }: typeof out) => mock.calls.map(([chunk]) => String(chunk)).join("");
  try {
    await checkCommand().parseAsync(["-c", file, "--against", against, "--state-directory", folder], { from: "user" });
    return { status: Number(process.exitCode ?? 0), out: text(out), err: text(err) };
  } finally {
    process.exitCode = undefined;
    for (const spy of [out, err]) spy.mockRestore();
  }
}

const denial = (rule: string) => `{ mode = "enforce", if = "${rule}", reply = "550 5.7.1 Access denied." }`;

test("another file: values, and rules that came and went, each with its places", async () => {
  const { status, out } = await check(after, before);
  expect([status, out.split("\n").toSorted()]).toEqual([
    0,
    [
      "",
      `${after}:10:35: session.rcpt.deny[1]: → ${denial("is_trusted")}`,
      `${after}:6:8: listener.smtp.mode: "enforce" → "shadow"`,
      `session.rcpt.deny[0]: ${denial("is_tls")} → gone (${before}:10:10)`,
      `session.rcpt.max-recipients: 50 → 100 (${before}:9:18)`,
    ],
  ]);
});

test("the same in other words", async () => {
  expect(await check(same, before)).toEqual({ status: 0, out: "nothing differs\n", err: "" });
});

test("what a daemon serves by", async () => {
  const { configuration } = loadConfiguration(before, { stateDirectory: folder });
  if (configuration === undefined) throw new Error("not loaded");
  const server = createServer(({ url }, response) => {
    if (url === "/api/configuration") response.end(JSON.stringify({ text: renderConfiguration(configuration) }));
    else response.writeHead(404).end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  expect(await check(before, address)).toEqual({ status: 0, out: "nothing differs\n", err: "" });
  expect((await check(after, address)).out).toContain(`${after}:6:8: listener.smtp.mode: "enforce" → "shadow"\n`);
  await new Promise((resolve) => server.close(resolve));
  const { status, err } = await check(after, address);
  expect([status, err]).toEqual([75, expect.stringContaining("ECONNREFUSED")]);
});
