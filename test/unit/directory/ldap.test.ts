/** LDAP directories, asked of OpenLDAP servers with the schemas of others, and by the ways to a server that there are. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TemporaryError, UnusableAnswer } from "../../../src/answer/temporary-error.ts";
import type { LdapSettings } from "../../../src/directory/ldap/ldap-settings.ts";
import { openLdapDirectory } from "../../../src/directory/ldap.ts";
import { directoryContract } from "../../contract/directory.ts";
import { type Certificate, issuedBy, makeCertificate } from "../../support/certificates.ts";
import { activeDirectory, ldapSettings, openLdap, suffix } from "../../support/ldap-worlds.ts";
import { runs } from "../../support/runs.ts";
import { lacksSlapd, Slapd } from "../../support/slapd.ts";

describe.skipIf(lacksSlapd)("LDAP", () => {
  const folder = mkdtempSync(join(tmpdir(), "postern-ldap-"));
  let ca: Certificate;
  let ad: Slapd;
  let people: Slapd;
  const tls = (changes: Partial<LdapSettings["tls"]> = {}) => ({ tls: { ca: ca.cert, cert: undefined, key: undefined, ...changes } });

  beforeAll(async () => {
    ca = makeCertificate(folder, "ca", "/CN=test CA");
    const forServer = [...issuedBy(ca), "-addext", "subjectAltName=IP:127.0.0.1"];
    const certificate = makeCertificate(folder, "server", "/CN=test server", ...forServer);
    [ad, people] = await Promise.all([
      Slapd.create({ ...activeDirectory, certificate }),
      Slapd.create({ ...openLdap, certificate, global: "security ssf=128" }),
    ]);
  });
  afterAll(async () => {
    await Promise.all([ad.remove(), people.remove()]);
    rmSync(folder, { recursive: true });
  });

  const open = (settings: LdapSettings) =>
    openLdapDirectory(
      settings,
      () => performance.now(),
      () => {},
    );
  const openAd = () => open(ldapSettings(activeDirectory, [`ldaps://127.0.0.1:${ad.securePort}`], tls()));
  const openPeople = (changes: Partial<LdapSettings> = {}) =>
    open(ldapSettings(openLdap, [`ldap://127.0.0.1:${people.port}`], { ...tls(), ...changes }));

  const opened = async ({ directory, close }: ReturnType<typeof open>) => ({ directory, close: async () => close() });
  directoryContract("Active Directory by ldaps", () => opened(openAd()), { hasNames: true });
  directoryContract("OpenLDAP by StartTLS", () => opened(openPeople()), { hasNames: true });

  it("cannot tell whose a login is that several entries have as their name", async () => {
    const { directory, close } = openPeople({ attributes: { name: "sn", emails: ["mail"], members: "member" } });
    await expect(directory.account?.("doe")).rejects.toThrow(UnusableAnswer);
    expect(await directory.account?.("spaces")).toEqual({ addresses: ["two spaces@example.net"], senders: [] });
    expect(await directory.account?.("d*")).toBeUndefined();
    close();
  });

  it("encrypts and binds anew after a connection has ended", async () => {
    const { directory, close } = openPeople();
    expect(await directory.recipient("john@example.org")).toBeDefined();
    await people.stop();
    await people.start();
    expect(await directory.recipient("jane@example.org")).toBeDefined();
    close();
    const clear = openPeople({ servers: [{ url: "ldap://clear", host: "127.0.0.1", port: people.port, tls: "disable" }] });
    await expect(clear.directory.recipient("john@example.org")).rejects.toThrow("Confidentiality Required");
    clear.close();
  });

  it("delivers to a list as it is when it has no members that may be read", async () => {
    const { directory, close } = openAd();
    expect(await directory.recipient("visitors@example.net")).toEqual({ kind: "mailbox", primaries: ["visitors@example.net"] });
    close();
  });

  it("finds an address of several entries, and one in quotes", async () => {
    const { directory, close } = openPeople();
    const twins = await directory.recipient("twins@example.net");
    expect(twins?.kind === "mailbox" && twins.primaries.toSorted()).toEqual(["twin1@example.net", "twin2@example.net"]);
    expect(await directory.recipient("two spaces@example.net")).toEqual({ kind: "mailbox", primaries: ["two spaces@example.net"] });
    expect(await directory.recipient("two  spaces@example.net")).toBeUndefined();
    close();
  });

  it.each([
    ["(|(mail={address})(proxyAddresses=smtp:{address}))"],
    ["(proxyAddresses=*:{address})"],
  ])("finds letters beyond ASCII by %s, whatever attributes.emails has, and nobody else by those that the server takes for the same", async (recipients) => {
    const { directory, close } = open(
      ldapSettings(activeDirectory, [`ldaps://127.0.0.1:${ad.securePort}`], {
        ...tls(),
        filters: { recipients, lists: undefined, domains: undefined },
        attributes: { name: "sAMAccountName", emails: ["mail"], members: "member" },
      }),
    );
    expect(await directory.recipient("jösé@example.net")).toEqual({ kind: "mailbox", primaries: ["jos@example.net"] });
    for (const local of ["jo\u00ads", " jos", "jo\u0308sé", "jös", "jö\u00adsé"])
      expect(await directory.recipient(`${local}@example.net`)).toBeUndefined();
    close();
  });

  it("finds by the local part, and a catch-all by nothing less than its domain", async () => {
    const { directory, close } = openPeople({
      filters: { recipients: "(|(uid={local})(uid={local}*))", lists: undefined, domains: undefined },
    });
    expect(await directory.recipient("jane@example.org")).toEqual({ kind: "mailbox", primaries: ["jane@example.org"] });
    expect(await directory.recipient("@example.org")).toBeUndefined();
    expect(await directory.recipient("jane")).toBeUndefined();
    close();
  });

  it("members may be addresses, and those that are neither address nor entry cannot be told", async () => {
    const { directory, close } = openPeople({
      filters: { recipients: "(mail={address})", lists: "(&(uid=twin1)(mail={address}))", domains: undefined },
      attributes: { name: "uid", emails: ["mail"], members: "mailAlternateAddress" },
    });
    expect(await directory.recipient("twin1@example.net")).toEqual({ kind: "list", members: ["twins@example.net"] });
    close();
    const wrong = openPeople({
      filters: { recipients: "(mail={address})", lists: "(&(uid=twin1)(mail={address}))", domains: undefined },
      attributes: { name: "uid", emails: ["mail"], members: "cn" },
    });
    await expect(wrong.directory.recipient("twin1@example.net")).rejects.toThrow(TemporaryError);
    wrong.close();
  });

  it("no address finds anybody else, whatever characters it has", async () => {
    const { directory, close } = openPeople();
    const special = fc.constantFrom(...'*()\\\0&|!=<>~:;,+"#/ \n\u00e9\u00ad\u200bj', "john", "*)(mail=*", "\\2a", "{address}", "\ud800");
    const local = fc.array(special, { minLength: 1, maxLength: 8 }).map((parts) => parts.join(""));
    await fc.assert(
      fc.asyncProperty(local, async (text) => {
        const found = await directory.recipient(`${text}@example.org`);
        expect(found).toEqual(text === "john" ? { kind: "mailbox", primaries: ["john@example.org"] } : undefined);
      }),
      { numRuns: runs(200) },
    );
    close();
  });

  describe("what goes wrong at a server is said with its URL, and is no answer", () => {
    const refused = async (settings: LdapSettings) => {
      const { directory, close } = open(settings);
      const answer = await Promise.resolve(directory.recipient("john@example.org")).then(
        () => "answered",
        (error: unknown) => (error instanceof TemporaryError ? error.message : String(error)),
      );
      close();
      return answer;
    };
    const plain = (changes: Partial<LdapSettings>) =>
      refused(ldapSettings(openLdap, [`ldap://127.0.0.1:${people.port}`], { ...tls(), ...changes }));

    it("a wrong password", async () => {
      const answer = await plain({ bind: { dn: `cn=postern,${suffix}`, password: "wrong" } });
      expect(answer).toBe(`directory "people": ldap://127.0.0.1:${people.port}: bind-dn or its password is wrong`);
    });
    it("a base that is not there", async () => {
      expect(await plain({ base: "dc=example,dc=com" })).toContain("or it may not be read");
    });
    it("nobody may read", async () => {
      expect(await plain({ bind: undefined })).toContain("or it may not be read");
    });
    it("a certificate from elsewhere", async () => {
      const stranger = makeCertificate(folder, "stranger", "/CN=test CA");
      expect(await plain(tls({ ca: stranger.cert }))).toContain("certificate");
      expect(await refused(ldapSettings(activeDirectory, [`ldaps://127.0.0.1:${ad.securePort}`], tls({ ca: stranger.cert })))).toContain(
        "certificate",
      );
    });
    it("a certificate for another host", async () => {
      expect(await refused(ldapSettings(activeDirectory, [`ldaps://localhost:${ad.securePort}`], tls()))).toContain("altnames");
      expect(await refused(ldapSettings(openLdap, [`ldap://localhost:${people.port}`], tls()))).toContain("altnames");
    });
    it("a limit of its own, sooner than the one that was asked for", async () => {
      const limited = await Slapd.create({ ...openLdap, database: "sizelimit 1" });
      const servers = [{ url: "ldap://limited", host: "127.0.0.1", port: limited.port, tls: "disable" as const }];
      const { directory, close } = open(ldapSettings(openLdap, ["ldap://limited"], { servers }));
      expect(await directory.recipient("twin1@example.net")).toBeDefined();
      await expect(directory.recipient("twins@example.net")).rejects.toThrow(`Size Limit Exceeded (LDAP result 4) for "${suffix}"`);
      close();
      await limited.remove();
    });
    it("no StartTLS", async () => {
      const clear = await Slapd.create(openLdap);
      const settings = ldapSettings(openLdap, [`ldap://127.0.0.1:${clear.port}`]);
      expect(await refused(settings)).toContain("the server refuses StartTLS");
      await clear.remove();
    });
  });
});
