/** What the members of a list in LDAP are: addresses, names of entries (DN), and names as accounts log in by. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { UnusableAnswer } from "../../../src/answer/temporary-error.ts";
import { isDn } from "../../../src/directory/ldap/entry.ts";
import { openLdapDirectory } from "../../../src/directory/ldap.ts";
import { ldapSettings, openLdap, suffix } from "../../support/ldap-worlds.ts";
import { lacksSlapd, Slapd } from "../../support/slapd.ts";

it.each([
  [`uid=john,${suffix}`, true],
  ["CN=John Doe\\, the other,OU=People", true],
  ["uid=john@example.org,ou=people", true],
  ["uid = john , ou = people", true],
  ["0.9.2342.19200300.100.1.1=john", true],
  ["cn=staff", true],
  ["uid=john@example.org", false],
  ["john", false],
  ["John Doe", false],
  ["john@example.org", false],
  ['"a, b=c"@example.org', false],
  ["Doe, j=d <john@example.org>", false],
  ["|/usr/bin/vacation john", false],
  ["", false],
])("%j has the form of a DN: %s", (value, expected) => {
  expect(isDn(value)).toBe(expected);
});

const person = (uid: string, mail: readonly string[]) =>
  [`dn: uid=${uid},${suffix}`, "objectClass: inetOrgPerson", `cn: ${uid}`, "sn: x", ...mail.map((each) => `mail: ${each}`)].join("\n");
const alias = (name: string, members: readonly string[]) =>
  [`dn: cn=${name},${suffix}`, "objectClass: nisMailAlias", ...members.map((each) => `rfc822MailMember: ${each}`)].join("\n");
const group = (name: string, members: readonly string[]) =>
  [`dn: cn=${name},${suffix}`, "objectClass: posixGroup", "gidNumber: 1", ...members.map((each) => `memberUid: ${each}`)].join("\n");

const entries = [
  person("john", ["john@example.org"]),
  person("jane", ["jane@example.org"]),
  person("two words", ["two@example.org"]),
  person("a*b(c)", ["odd@example.org"]),
  person("printer", []),
  person("twin", ["twin1@example.org"]),
  person("twin1,ou=twins", ["twin2@example.org"]).replace("sn: x", "sn: x\nuid: twin"),
  alias("names", ["john", "jane"]),
  alias("mixed", ["john", "Jane@example.org", "out@elsewhere.example", `uid=two words,${suffix}`]),
  alias("same", ["john", "JOHN", "john@example.org", `uid=john,${suffix}`]),
  alias("odd", ["two words", "a*b(c)"]),
  alias("silent", ["john", "printer", `uid=nobody,${suffix}`]),
  alias("stale", ["john", "left"]),
  alias("wild", ["j*"]),
  alias("twins", ["twin"]),
  alias("piped", ["|/usr/bin/vacation john"]),
  alias("wrong", ["nonsense=john,x=y"]),
  alias("broken", ["John <john@example.org"]),
  group("posix", ["john", "two words"]),
];

describe.skipIf(lacksSlapd)("members of a list", () => {
  let slapd: Slapd;
  const news: unknown[] = [];
  const open = (members: string) =>
    openLdapDirectory(
      ldapSettings(openLdap, ["ldap://127.0.0.1"], {
        servers: [1, 2].map((each) => ({ url: `ldap://server${each}`, host: "127.0.0.1", port: slapd.port, tls: "disable" as const })),
        filters: { recipients: "(mail={address})", lists: `(&(${members}=*)(cn={local}))`, domains: undefined },
        attributes: { name: "uid", emails: ["mail"], members },
      }),
      () => performance.now(),
      (name, up) => news.push([name, up]),
    );
  let aliases: ReturnType<typeof open>;
  let groups: ReturnType<typeof open>;
  beforeAll(async () => {
    const twins = `dn: ou=twins,${suffix}\nobjectClass: organizationalUnit`;
    slapd = await Slapd.create({
      schema: ["core", "cosine", "nis", "inetorgperson", "misc"],
      suffix,
      entries: [twins, ...entries].join("\n\n"),
    });
    [aliases, groups] = [open("rfc822MailMember"), open("memberUid")];
  });
  afterAll(async () => {
    aliases.close();
    groups.close();
    await slapd.remove();
  });

  it.each([
    ["names", ["jane@example.org", "john@example.org"]],
    ["mixed", ["jane@example.org", "john@example.org", "out@elsewhere.example", "two@example.org"]],
    ["same", ["john@example.org"]],
    ["odd", ["odd@example.org", "two@example.org"]],
    ["silent", ["john@example.org"]],
  ])("of nisMailAlias %s", async (name, members) => {
    const found = await aliases.directory.recipient(`${name}@example.org`);
    expect(found?.kind === "list" && found.members.toSorted()).toEqual(members);
    expect((await aliases.directory.expand(`${name}@example.org`))?.toSorted()).toEqual(members);
  });

  it("of posixGroup", async () => {
    const found = await groups.directory.recipient("posix@example.org");
    expect(found?.kind === "list" && found.members.toSorted()).toEqual(["john@example.org", "two@example.org"]);
  });

  const unnamed =
    "as uid. Write an address or a DN there, remove it, or name the attribute that has it in directory.people.attributes.name";
  it.each([
    ["stale", `has the member "left", which no entry has ${unnamed}`],
    ["wild", `has the member "j*", which no entry has ${unnamed}`],
    ["twins", `has the member "twin", which several entries have ${unnamed}`],
    ["piped", `has the member "|/usr/bin/vacation john", which no entry has ${unnamed}`],
    ["wrong", 'has the member "nonsense=john,x=y", which is neither an address nor the name (DN) of an entry. Correct it there'],
    ["broken", 'has the member "John <john@example.org", which is not an address. Correct it there'],
  ])("of %s: cannot tell, which is no outage, and what to correct is said", async (name, message) => {
    const answer = aliases.directory.recipient(`${name}@example.org`);
    await expect(answer).rejects.toThrow(UnusableAnswer);
    await expect(answer).rejects.toThrow(`directory "people": cn=${name},${suffix} ${message}`);
    expect(await aliases.directory.recipient("john@example.org")).toEqual({ kind: "mailbox", primaries: ["john@example.org"] });
    expect(news).toEqual([]);
  });
});
