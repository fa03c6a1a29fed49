/** A real Postfix as the server that is asked about recipients, by the file of contrib/call-ahead. */
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseConfiguration } from "../../src/config/load.ts";
import { type OpenCore, openCore } from "../../src/daemon/open-core.ts";
import { MemoryState } from "../../src/state/memory.ts";
import { makeCertificate } from "../support/certificates.ts";
import { read, substitute } from "../support/contrib.ts";
import { freePorts, type Mta, type PostfixOptions, startPostfix, whyNo } from "../support/mta.ts";

describe.skipIf(whyNo("Postfix") !== undefined)("Postfix as the inner server", async () => {
  const scratch = `/tmp/postern-call-ahead-${process.pid}`;
  const [port = 0] = await freePorts(1);
  const news: string[] = [];
  let options: PostfixOptions;
  let postfix: Mta;
  let core: OpenCore;

  beforeAll(() => {
    mkdirSync(scratch, { recursive: true });
    const { certFile, keyFile } = makeCertificate(scratch, "inner", "/CN=inner", "-addext", "subjectAltName=IP:127.0.0.1");
    options = {
      directory: join(scratch, "mta"),
      port,
      // As Postfix counts errors without a change.
      main: `mynetworks = 192.0.2.1/32
virtual_mailbox_domains = example.org example.net
virtual_mailbox_maps = regexp:{{/^john@example.org$$/ mail/}, {/@example.net$$/ mail/}}
smtpd_recipient_restrictions = check_recipient_access inline:{{busy@example.org = 450 4.3.0 Busy}, {full@example.org = 452 4.2.2 Full}}
smtpd_soft_error_limit = 10
smtpd_hard_error_limit = 20
smtpd_junk_command_limit = 100
smtpd_error_sleep_time = 1s
smtpd_tls_security_level = encrypt
smtpd_tls_cert_file = ${certFile}
smtpd_tls_key_file = ${keyFile}
`,
      master: "tlsmgr unix - - n 1000? 1 tlsmgr\n",
    };
    postfix = startPostfix(options);
    const places = [
      [`host = "192.0.2.25"`, `host = "127.0.0.1"\nport = ${port}\ntls = "verify"\nca = "${certFile}"`],
      [`domains = ["example.org", "example.net"]`, `domains = ["example.org", "example.net", "elsewhere.example"]\ncache.entries = 0`],
    ] as const;
    const text = substitute(read("contrib/call-ahead/postern.toml"), ...places);
    const { configuration, problems } = parseConfiguration(text, join(scratch, "postern.toml"), (path) => readFileSync(path, "utf8"));
    if (configuration === undefined) throw new Error(problems.map(({ message }) => message).join("\n"));
    core = openCore(configuration, {
      ...{ now: () => performance.now(), clock: Date.now },
      leaseState: () => ({ state: new MemoryState(), release: async () => {} }),
      onAvailability: (name, up) => news.push(`${name} ${up ? "up" : "down"}`),
      onTakesAll: (_, domain, takesAll) => news.push(`${domain} ${takesAll ? "takes all" : "checks"}`),
      onShortcoming: (_, what) => news.push(what),
    });
  });
  afterAll(async () => {
    await core?.close();
    postfix?.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  const ask = async (address: string) => core.core.sources.directory("")?.recipient(address);
  const mailbox = (address: string, state?: string) => ({ kind: "mailbox", primaries: [address], ...(state !== undefined && { state }) });

  it("says who exists, and who has a full mailbox", async () => {
    expect(await ask("john@example.org")).toEqual(mailbox("john@example.org"));
    expect(await ask("nobody@example.org")).toBeUndefined();
    expect(await ask('john" x@example.org')).toBeUndefined();
    expect(await ask("full@example.org")).toEqual(mailbox("full@example.org", "full"));
  });

  it("cannot tell of whom it defers, and of a domain that it does not relay to", async () => {
    await expect(ask("busy@example.org")).rejects.toThrow("450 4.3.0");
    await expect(ask("john@elsewhere.example")).rejects.toThrow("454 4.7.1");
  });

  it("is seen to take every address of a domain", async () => {
    expect(await ask("anybody@example.net")).toEqual(mailbox("anybody@example.net", "unchecked"));
    expect(news).toContain("example.net takes all");
  });

  it("counts no errors, however many recipients are unknown", async () => {
    const unknown = Array.from({ length: 60 }, (_, index) => `nobody${index}@example.org`);
    expect(await Promise.all(unknown.map(ask))).toEqual(unknown.map(() => undefined));
    expect(postfix.log()).not.toContain("too many errors");
    expect(postfix.log()).toContain("starttls=1");
  });

  it("is asked anew after it was restarted, on connections that it has closed", async () => {
    postfix.stop();
    await expect(ask("john@example.org")).rejects.toThrow("ECONNREFUSED");
    expect(news.at(-1)).toMatch(/down$/);
    postfix = startPostfix(options);
    expect(await ask("john@example.org")).toEqual(mailbox("john@example.org"));
    expect(news.at(-1)).toMatch(/up$/);
  });
});
