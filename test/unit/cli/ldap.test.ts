/** What `check --connect`, `query` and `explain` say of a directory in LDAP servers. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { checkCommand } from "../../../src/cli/check.ts";
import { explainCommand } from "../../../src/cli/explain.ts";
import { queryCommand } from "../../../src/cli/query.ts";
import { makeCertificate } from "../../support/certificates.ts";
import { read, substitute } from "../../support/contrib.ts";
import { openLdap } from "../../support/ldap-worlds.ts";
import { lacksSlapd, password, Slapd } from "../../support/slapd.ts";

describe.skipIf(lacksSlapd)("commands", () => {
  const folder = mkdtempSync(join(tmpdir(), "postern-ldap-cli-"));
  const file = join(folder, "postern.toml");
  let slapd: Slapd;
  beforeAll(async () => {
    const certificate = makeCertificate(folder, "server", "/CN=test server", "-addext", "subjectAltName=IP:127.0.0.1");
    slapd = await Slapd.create({ ...openLdap, certificate });
    writeFileSync(join(folder, "password"), `${password}\n`);
    write();
  });
  afterAll(async () => {
    await slapd.remove();
    rmSync(folder, { recursive: true });
  });

  function write(...changes: readonly (readonly [from: string, to: string])[]) {
    const directory = substitute(
      read("contrib/ldap/openldap.toml"),
      ['["ldap://ldap1.example.org", "ldap://ldap2.example.org"]', `["ldap://127.0.0.1:${slapd.port}", "ldap://127.0.0.1:1"]`],
      ["/etc/ssl/certs/ca-certificates.crt", "server.pem"],
      ["/etc/postern/ldap-password", "password"],
      ...changes,
    );
    writeFileSync(file, `[listener.maps]\nprotocol = "socketmap"\nbind = ["127.0.0.1:10041"]\n${directory}`);
  }

  const commands = { check: checkCommand, query: queryCommand, explain: explainCommand };
  async function postern(command: keyof typeof commands, ...args: readonly string[]) {
    const [out, err] = [vi.spyOn(process.stdout, "write"), vi.spyOn(process.stderr, "write")];
    for (const spy of [out, err]) spy.mockReturnValue(true);
    const text = ({ mock }: typeof out) =>
      mock.calls
        .map(([chunk]) => String(chunk))
        .join("")
        .replaceAll(`:${slapd.port}`, "");
    try {
      process.exitCode = 0;
      await commands[command]().parseAsync(["-c", file, "--state-directory", folder, ...args], { from: "user" });
      return { status: process.exitCode, out: text(out), err: text(err) };
    } finally {
      process.exitCode = 0;
      vi.restoreAllMocks();
    }
  }

  it("check --connect tries each server", async () => {
    expect(await postern("check", "--connect")).toEqual({
      status: 1,
      out: `${file}: no errors\n`,
      err: 'directory people: ldap://127.0.0.1: connected\npeople (ldap://127.0.0.1:1): directory "people": ldap://127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1\n',
    });
  });

  it("check --connect finds a wrong base", async () => {
    write(['base = "dc=example,dc=org"', 'base = "ou=people,dc=example,dc=org"'], [', "ldap://127.0.0.1:1"', ""]);
    expect((await postern("check", "--connect")).err).toBe(
      'people: directory "people": ldap://127.0.0.1: there is no entry "ou=people,dc=example,dc=org", or it may not be read\n',
    );
    write();
  });

  it("query and explain ask them", async () => {
    expect(await postern("query", "recipients", "J.Doe@example.org")).toMatchObject({ status: 0, out: "j.doe@example.org\n" });
    expect(await postern("query", "recipients", "nobody@example.org")).toMatchObject({ status: 1, out: "" });
    const { out } = await postern(
      "explain",
      "--client",
      "192.0.2.1",
      "--helo",
      "mx.example.com",
      "--from",
      "a@example.com",
      "--to",
      "staff@example.org",
    );
    expect(out).toContain("john@example.org, jane@example.org");
  });
});
