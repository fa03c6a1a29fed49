/** A TLS client certificate may be asked about by rules, whichever protocol tells of it. */
import { expect, test } from "vitest";
import type { ListenerSettings } from "../../../src/config/configuration.ts";
import { parseConfiguration } from "../../../src/config/load.ts";
import { play } from "../../../src/frontend/explain/play.ts";
import { client, rcpt, world } from "../../support/mail-domain.ts";
import { connected, envelope, helo, milterWorld } from "../../support/milter-mta.ts";
import { rule } from "../../support/settings.ts";

const noRelay = "550 5.1.2 Relay not allowed. (5000 ms)";

const relayIf = (condition: string) => ({ rcpt: { relay: rule([[condition, "true"], "false"]) } });
const office = relayIf("ccert_subject == 'branch office' && ccert_issuer == 'Our CA'");
const pinned = relayIf("ccert_fingerprint == 'AA:BB'");

test.each([
  ["ours", office, { ccertSubject: "branch office", ccertIssuer: "Our CA" }, "DUNNO"],
  ["of another issuer", office, { ccertSubject: "branch office", ccertIssuer: "Another CA" }, noRelay],
  ["none", office, {}, noRelay],
  ["by its fingerprint", pinned, { ccertFingerprint: "AA:BB" }, "DUNNO"],
  ["another one", pinned, { ccertFingerprint: "00:11" }, noRelay],
])("policy: %s", async (_what, changes, certificate, expected) => {
  expect(await client(world({ changes }))(rcpt("x@elsewhere.example", certificate))).toBe(expected);
});

test.each([
  ["Postfix, which gives only those that it trusts", { cert_subject: "branch office", cert_issuer: "Our CA" }, "continue"],
  ["Postfix, a name that looks like an encoded one", { cert_subject: "branch+20office", cert_issuer: "Our CA" }, noRelay],
  ["Sendmail, which trusts it", { verify: "OK", cert_subject: "branch+20office", cert_issuer: "Our CA" }, "continue"],
  ["Sendmail, which does not", { verify: "FAIL", cert_subject: "branch office", cert_issuer: "Our CA" }, noRelay],
  ["Sendmail without a certificate", { verify: "NO", cert_subject: "", cert_issuer: "" }, noRelay],
])("milter: %s", async (_what, macros, expected) => {
  const mta = await connected(milterWorld(world({ changes: office })).options);
  await mta.macros("H", { tls_version: "TLSv1.3", ...macros });
  await mta.send("H", helo("mx.client.example"));
  await mta.send("M", envelope("<a@client.example>"));
  expect(await mta.send("R", envelope("<x@elsewhere.example>"))).toBe(expected);
});

test("a session that gets its certificate by STARTTLS is known by it from then on", async () => {
  const ask = client(world({ changes: office }));
  expect(await ask(rcpt("x@elsewhere.example", { instance: "1.1" }))).toBe(noRelay);
  const certificate = { encryptionProtocol: "TLSv1.3", ccertSubject: "branch office", ccertIssuer: "Our CA" };
  expect(await ask(rcpt("x@elsewhere.example", { instance: "1.2", ...certificate }))).toBe("DUNNO");
});

test("explain plays a session with one", async () => {
  const { core } = world({ changes: pinned });
  const text = '[listener.smtp]\nprotocol = "policy"\nbind = ["127.0.0.1:1"]\n[directory.d]\ntype = "mta"\n';
  const [listener] = parseConfiguration(text, "postern.toml", () => "").configuration?.listeners ?? [];
  const replies = async (fingerprint: string | undefined, settings: ListenerSettings) => {
    const played = { client: { address: "203.0.113.9" }, helo: "mx.client.example", sender: "", ccert: { fingerprint } };
    const steps = await play({ ...played, recipients: ["x@elsewhere.example"] }, settings, core);
    return steps.at(-1)?.reply;
  };
  if (listener === undefined) throw new Error("no listener");
  expect(await replies("AA:BB", listener)).toBeNull();
  expect(await replies(undefined, listener)).toBe("550 5.1.2 Relay not allowed.");
});
