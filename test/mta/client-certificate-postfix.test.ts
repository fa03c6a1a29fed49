/** A real Postfix that asks clients for TLS certificates: rules know each by what it has shown, and by nothing that another may write. */
import { X509Certificate } from "node:crypto";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Certificate, issuedBy, makeCertificate } from "../support/certificates.ts";
import { read } from "../support/contrib.ts";
import { type Daemon, startDaemon } from "../support/daemon.ts";
import { freePorts, type Mta, startPostfix, whyNo } from "../support/mta.ts";
import { openSmtpByTls, type Smtp } from "../support/smtp.ts";

describe.skipIf(whyNo("Postfix") !== undefined)("Postfix with TLS client certificates", async () => {
  const scratch = `/tmp/postern-cert-${process.pid}`;
  const [byPolicy = 0, byName = 0, byMilter = 0, policy = 0, policyName = 0, milter = 0] = await freePorts(6);

  mkdirSync(scratch, { recursive: true });
  const made = (name: string, subject: string, ...more: readonly string[]) => makeCertificate(scratch, name, subject, ...more);
  const ca = made("ca", "/CN=Our CA");
  const impostor = made("impostor", "/CN=Our CA");
  const server = made("server", "/CN=mta.test");
  const clients: Readonly<Record<string, Certificate | undefined>> = {
    "its own": made("pinned", "/CN=branch office"),
    "another one of the same name": made("other", "/CN=branch office"),
    "one of the CA": made("issued", "/CN=branch office", ...issuedBy(ca)),
    "one of the CA for another name": made("elsewhere", "/CN=another office", ...issuedBy(ca)),
    "one of the CA for a name that looks like an encoded one": made("encoded", "/CN=branch\\+20office", ...issuedBy(ca)),
    "one of a CA of the same name": made("forged", "/CN=branch office", ...issuedBy(impostor)),
    none: undefined,
  };
  const fingerprint = new X509Certificate(clients["its own"]?.cert ?? "").fingerprint256;

  const pinned = "!is_empty(authenticated_as) || key_exists('branch-offices', ccert_fingerprint)";
  const named = "ccert_subject == 'branch office' && ccert_issuer == 'Our CA'";

  const config = `
[server]
trusted-networks = []
[listener.pinned]
protocol = "policy"
bind = ["127.0.0.1:${policy}"]
[listener.named]
protocol = "policy"
bind = ["127.0.0.1:${policyName}"]
[listener.milter]
protocol = "milter"
bind = ["127.0.0.1:${milter}"]
[directory.local]
type = "memory"
principals = [{ name = "john", class = "individual", email = ["john@example.org"] }]
[lookup.branch-offices]
"${fingerprint}" = true
[session.rcpt]
relay = [{ if = "listener == 'pinned'", then = "${pinned}" }, { else = "${named}" }]
[session.rcpt.errors]
wait = "0s"
`;

  const main = `
smtpd_tls_security_level = may
smtpd_tls_cert_file = ${server.certFile}
smtpd_tls_key_file = ${server.keyFile}
smtpd_tls_CAfile = ${ca.certFile}
smtpd_tls_ask_ccert = yes
mydestination = example.org
`;

  const service = (port: number, ...options: readonly string[]) =>
    [`127.0.0.1:${port} inet n - n - - smtpd`, ...options.map((option) => `    -o { ${option} }`), ""].join("\n");
  // Postfix relays for all of this machine, so that Postern alone decides.
  const relays = (...first: readonly string[]) =>
    `smtpd_relay_restrictions = ${[...first, "permit_mynetworks", "reject_unauth_destination"].join(", ")}`;
  const asks = (port: number) => relays(`check_policy_service inet:127.0.0.1:${port}`);
  const master = [
    "tlsmgr unix - - n 1000? 1 tlsmgr\n",
    service(byName, asks(policyName)),
    service(byMilter, relays(), `smtpd_milters = inet:127.0.0.1:${milter}`),
  ].join("");

  let postfix: Mta;
  let daemon: Daemon;
  const sessions: Smtp[] = [];

  beforeAll(async () => {
    const listening = [policy, policyName, milter].map((port) => ({ host: "127.0.0.1", port }));
    daemon = await startDaemon({ directory: join(scratch, "daemon"), config, listening });
    postfix = startPostfix({ directory: join(scratch, "mta"), port: byPolicy, main: `${main}${asks(policy)}\n`, master });
  });

  afterEach(() => {
    for (const smtp of sessions.splice(0)) smtp.end();
  });

  afterAll(async () => {
    await daemon?.stop();
    postfix?.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  /** The code of the reply to a recipient elsewhere. */
  async function relay(port: number, certificate: Certificate | undefined): Promise<string> {
    const smtp = await openSmtpByTls(port, certificate);
    sessions.push(smtp);
    await smtp.say("EHLO client.example.com");
    expect(await smtp.say("MAIL FROM:<someone@client.example.com>")).toMatch(/^250 /);
    expect(await smtp.say("RCPT TO:<john@example.org>")).toMatch(/^250 /);
    return smtp.say("RCPT TO:<friend@elsewhere.example>");
  }

  const accepted = /^250 /;
  const refused = /^550 5\.1\.2 .*Relay not allowed\.$/;

  it("is told by the README how to know them", () => {
    expect(read("contrib/postfix/README.md")).toContain(`relay = "${pinned}"`);
  });

  it.each(Object.entries(clients))("by its fingerprint, %s", async (name, certificate) => {
    expect(await relay(byPolicy, certificate)).toMatch(name === "its own" ? accepted : refused);
  });

  it.each(Object.entries(clients))("by name and issuer, %s, by policy and by milter", async (name, certificate) => {
    const expected = name === "one of the CA" ? accepted : refused;
    expect(await relay(byName, certificate)).toMatch(expected);
    expect(await relay(byMilter, certificate)).toMatch(expected);
  });
});
