/** Whom the greylist exempts, in the grammar of postgrey. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { settledMs } from "../../../src/file/change.ts";
import type { LineProblem } from "../../../src/file/file-problem.ts";
import { Files } from "../../../src/file/files.ts";
import { parseExemptClients } from "../../../src/lookup/exempt-clients.ts";
import { parseExemptRecipients } from "../../../src/lookup/exempt-recipients.ts";
import { openExemptions } from "../../../src/lookup/exemptions.ts";

const unexpected = (line: number, what: string) => {
  throw new Error(`${line}: ${what}`);
};

describe("clients", () => {
  test.each<[string, string, string, boolean]>([
    ["example.net", "203.0.113.9", "example.net", true],
    ["example.net", "203.0.113.9", "mx1.pool.Example.NET", true],
    ["example.net", "203.0.113.9", "badexample.net", false],
    ["example.net", "203.0.113.9", "", false],
    [".example.net", "203.0.113.9", "mx.example.net", true],
    ["mx1.example.net", "203.0.113.9", "mx2.example.net", false],
    ["  example.net  # a comment", "203.0.113.9", "example.net", true],
    ["# example.net", "203.0.113.9", "example.net", false],
    ["*.example.net", "203.0.113.9", "mx.example.net", true],
    ["*.example.net", "203.0.113.9", "badexample.net", false],
    ["*.bücher.example", "203.0.113.9", "mx.xn--bcher-kva.example", true],
    ["203.0.113.*", "203.0.113.200", "", true],
    ["10.1.*.*", "10.1.200.3", "", true],
    ["10.1.*.*", "10.2.0.1", "", false],
    ["203.0.113.9", "203.0.113.9", "", true],
    ["203.0.113.9", "203.0.113.90", "", false],
    ["203.0.113", "203.0.113.200", "", true],
    ["203.0.113", "203.0.11.3", "", false],
    // Two octets are a /16.
    ["10.1", "10.1.200.3", "", true],
    ["10.1", "10.2.0.1", "", false],
    ["10.1", "10.10.0.1", "", false],
    ["10", "10.200.0.1", "", true],
    ["10.1.", "10.1.200.3", "", true],
    ["10.1.", "10.10.0.1", "", false],
    ["[203.0.113.9]", "203.0.113.9", "", true],
    ["[IPv6:2001:db8::1]", "2001:db8::1", "", true],
    ["IPv6:2001:DB8:0::1", "2001:db8::1", "", true],
    ["203.0.112.0/23", "203.0.113.9", "", true],
    ["203.0.112.0/23", "203.0.114.9", "", false],
    ["2001:db8::/32", "2001:db8:1::1", "", true],
    ["2001:db8::1", "2001:db8::2", "", false],
    ["/^mx\\d+\\.example\\./", "203.0.113.9", "MX12.example.net", true],
    ["/^mx\\d+\\.example\\./", "203.0.113.9", "mx.example.net", false],
    ["/^203\\.0\\.113\\./", "203.0.113.9", "", true],
    ["/^*office\\.example$/", "203.0.113.9", "mail.outbound.office.example", true],
    ["/^\\d{1,}\\.mo\\d{1,}\\.host\\.example$/", "203.0.113.9", "8.mo64.host.example", true],
    ["/^x.*?\\.shop\\.example$/ # a comment", "203.0.113.9", "x.server.shop.example", true],
    ["micro.example", "203.0.113.9", "a.onmicro.example", false],
    ["one.example\r\ntwo.example\r\n", "203.0.113.9", "two.example", true],
  ])("%j: %s %s: %s", (text, address, name, expected) => {
    expect(parseExemptClients(text, unexpected)(address, name)).toBe(expected);
  });
});

describe("recipients", () => {
  test.each<[string, string, boolean]>([
    ["john@example.org", "john@example.org", true],
    ["John@Example.org", "john@example.org", true],
    ["john@example.org", "john+tag@example.org", true],
    ["john+tag@example.org", "john+tag@example.org", true],
    ["john+tag@example.org", "john+other@example.org", false],
    ["john@example.org", "john@sub.example.org", false],
    ["*@example.org", "john@example.org", true],
    ["*@example.org", "john@sub.example.org", false],
    ["@example.org", "john@example.org", true],
    ["*.example.org", "john@sub.example.org", true],
    ["*.example.org", "john@badexample.org", false],
    ["[192.0.2.1]", "john@[192.0.2.1]", true],
    ["john@[192.0.2.1]", "john@[192.0.2.1]", true],
    ["info@", "info@any.example", true],
    ["info@", "info+x@any.example", true],
    ["info@", "information@any.example", false],
    ["example.org", "any@example.org", true],
    ["example.org", "any@sub.example.org", true],
    ["example.org", "any@badexample.org", false],
    ['"john"@example.org', "john@example.org", true],
    ['"q uoted"@example.org', "q uoted@example.org", true],
    ['"q uoted"@', "q uoted+tag@any.example", true],
    ["/^sales-\\d+@/", "sales-12@example.org", true],
    ["/^sales-\\d+@/", "sales@example.org", false],
  ])("%s: %s: %s", (text, address, expected) => {
    expect(parseExemptRecipients(text, unexpected)(address)).toBe(expected);
  });
});

describe("what can match nothing is reported, and the rest is used", () => {
  const warned = (parse: (text: string, problem: LineProblem) => unknown, text: string) => {
    const lines: number[] = [];
    parse(text, (line, what, severity) => {
      expect([severity, what]).toEqual(["warning", expect.stringMatching(/matches no (client|recipient)/)]);
      lines.push(line);
      return undefined;
    });
    return lines;
  };

  test.each([
    "john@example.org",
    "mx*.example.org",
    "mx.*.example.org",
    "caf\ufffd.example",
    "[mx.example]",
    "*",
    "a..example",
  ])("client %s", (entry) => expect(warned(parseExemptClients, `one.example\n${entry}\ntwo.example`)).toEqual([2]));

  test("an entry of any length is read in its own time", () => {
    const entry = `${"o.".repeat(1_000_000)}example/24`;
    const told: number[] = [];
    parseExemptClients(`one.example\n${entry}`, (line) => void told.push(line));
    expect(told).toEqual([2]);
  });

  test.each([
    "192.0.2.1",
    "2001:db8::1",
    "list-*@example.org",
    "john@*.example.org",
    "caf\ufffd@example.org",
    "john@caf\ufffd.example",
    "*",
    "mx*.example",
  ])("recipient %s", (entry) => expect(warned(parseExemptRecipients, `one.example\n${entry}\ntwo@`)).toEqual([2]));
});

test("a file is read again when it changes; entries stay", async () => {
  const folder = mkdtempSync(join(tmpdir(), "postern-exempt-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const [file, recipients] = [join(folder, "clients"), join(folder, "recipients")];
  writeFileSync(file, "one.example\n");
  writeFileSync(recipients, "info@\n");
  const settings = { clients: { entries: ["inline.example"], files: [file] }, recipients: { entries: [], files: [recipients] } };
  let now = 0;
  const failures: unknown[] = [];
  const files = new Files(
    () => now,
    (_, news) => news.kind === "failed" && failures.push(news.problem),
  );
  const { exemptions, refresh } = openExemptions(settings, files);
  await refresh();
  const known = () => ["inline.example", "one.example", "another.example"].filter((name) => exemptions.client("203.0.113.9", name));
  expect(known()).toEqual(["inline.example", "one.example"]);
  expect(exemptions.recipient("info@example.org")).toBe(true);

  writeFileSync(file, "another.example\n");
  await refresh();
  now += settledMs;
  await refresh();
  expect(known()).toEqual(["inline.example", "another.example"]);

  writeFileSync(file, "another.example\n/(/\n");
  await refresh();
  await refresh();
  expect(known()).toEqual(["inline.example", "another.example"]);
  expect(String(failures)).toContain(`${file}:2: /(/ is not a supported regular expression`);
});
