/** LDAP directories on a server that answers in ways in which OpenLDAP does not. */
import { afterEach, describe, expect, it, test } from "vitest";
import { TemporaryError, UnusableAnswer } from "../../../src/answer/temporary-error.ts";
import type { LdapSettings } from "../../../src/directory/ldap/ldap-settings.ts";
import { openLdapDirectory } from "../../../src/directory/ldap.ts";
import { type LdapAnswer, type LdapQuestion, LdapServer } from "../../support/ldap-server.ts";

const ended: (() => void)[] = [];
afterEach(() => {
  for (const end of ended.splice(0)) end();
});

async function open(
  answer: (question: LdapQuestion) => Promise<LdapAnswer | undefined> | LdapAnswer | undefined,
  timeoutMs = 20_000,
  filters: LdapSettings["filters"] = { recipients: "(mail={address})", lists: "(list={address})", domains: undefined },
) {
  const server = new LdapServer(answer);
  const port = await server.start();
  const settings: LdapSettings = {
    ...{ type: "ldap", name: "test", base: "dc=example", timeoutMs, bind: undefined, domains: ["example.org"] },
    servers: [{ url: `ldap://127.0.0.1:${port}`, host: "127.0.0.1", port, tls: "disable" }],
    tls: { ca: undefined, cert: undefined, key: undefined },
    filters,
    attributes: { name: "uid", emails: ["mail"], members: "Member" },
    cache: { entries: 0, positiveMs: 0, negativeMs: 0, staleMs: 0 },
  };
  const news: boolean[] = [];
  const clock = { now: 0 };
  const { directory, close } = openLdapDirectory(
    settings,
    () => clock.now,
    (_, up) => news.push(up),
  );
  ended.push(close, () => server.stop());
  return { directory, server, news, clock };
}

it("takes all members of a list that Active Directory gives in portions", async () => {
  const members = Array.from({ length: 5000 }, (_, index) => `m${index}@example.org`);
  const { directory } = await open(({ filter, attributes }) => {
    if (filter.startsWith("(mail=")) return undefined;
    const from = Number(/range=(\d+)/.exec(attributes.at(-1) ?? "")?.[1] ?? 0);
    const portion = members.slice(from, from + 1500);
    const to = from + 1500 < members.length ? String(from + portion.length - 1) : "*";
    return { member: [], [`member;range=${from}-${to}`]: portion };
  });
  expect(await directory.recipient("list@example.org")).toEqual({ kind: "list", members });
});

it("never takes a part of the members, nor more than there is room for", async () => {
  const { directory } = await open(({ filter, attributes }) => {
    if (filter.startsWith("(mail=")) return undefined;
    const from = Number(/range=(\d+)/.exec(attributes.at(-1) ?? "")?.[1] ?? 0);
    return { [`member;range=${from}-${from + 50_000}`]: Array.from({ length: 50_001 }, (_, index) => `${from + index}@x`) };
  });
  await expect(directory.recipient("list@example.org")).rejects.toThrow("more than 100000 members");
});

it("never takes it for the end of a list that a portion of its members is empty", async () => {
  const { directory } = await open(({ filter, attributes }) => {
    if (filter.startsWith("(mail=")) return undefined;
    return attributes.some((name) => name.includes("range=")) ? { member: [] } : { "member;range=0-0": ["m0@example.org"] };
  });
  await expect(directory.recipient("list@example.org")).rejects.toThrow(UnusableAnswer);
});

const john = "john@example.org";

describe("an answer that is not whole is none", () => {
  // RFC 4511 4.1.9; 9 is that of LDAPv2 for what is now a reference.
  const partial = [1, 3, 4, 9, 10, 11, 50, 51, 52, 53, 80].flatMap((code) => [[code, "nobody"] as const, [code, "somebody"] as const]);
  test.each<readonly [code: number, found: "nobody" | "somebody", recipient: "found" | "not there" | "cannot tell"]>([
    [0, "nobody", "not there"],
    [0, "somebody", "found"],
    ...partial.map(([code, found]) => [code, found, "cannot tell"] as const),
  ])("result %i with %s: %s", async (code, found, expected) => {
    const { directory, server } = await open(({ filter }) =>
      found === "somebody" && filter.startsWith("(mail=") ? { mail: [john] } : undefined,
    );
    server.searchResult = code;
    const answer = async () => ((await directory.recipient(john)) === undefined ? "not there" : "found");
    expect(await answer().catch((error: unknown) => (error instanceof TemporaryError ? "cannot tell" : error))).toBe(expected);
  });

  it("but it is enough to have found as many as were asked for", async () => {
    const filters = { recipients: "(mail={address})", lists: undefined, domains: "(domain={domain})" };
    const { directory, server } = await open(
      ({ filter }) => (filter.includes("example.net") ? { domain: ["example.net"] } : undefined),
      20_000,
      filters,
    );
    server.searchResult = 4;
    expect(await directory.isLocalDomain("example.net")).toBe(true);
    await expect(directory.isLocalDomain("example.com")).rejects.toThrow('Size Limit Exceeded (LDAP result 4) for "dc=example"');
  });

  // Each search in Active Directory names the other parts of the forest.
  it("and what only another server has is not there", async () => {
    const { directory, server } = await open(() => undefined);
    server.references = ["ldap://ForestDnsZones.example.org/DC=ForestDnsZones,DC=example,DC=org"];
    expect(await directory.recipient(john)).toBeUndefined();
  });
});

it("a search that takes too long fails alone, and others go on by the same connection", async () => {
  const never = new Promise<undefined>(() => {});
  const { directory, server, news } = await open(({ filter }) => {
    if (filter.includes("slow")) return never;
    return filter.startsWith("(mail=") ? { mail: ["quick@example.org"] } : undefined;
  }, 1000);
  const quick = () => directory.recipient("quick@example.org");
  await quick();
  let isSlow = true;
  const slow = expect(directory.recipient("slow@example.org"))
    .rejects.toThrow("no answer in")
    .finally(() => {
      isSlow = false;
    });
  while (isSlow) expect(await quick()).toMatchObject({ kind: "mailbox" });
  await slow;
  expect(await quick()).toMatchObject({ kind: "mailbox" });
  expect(server.binds).toBe(1);
  expect(news[0]).toBe(false);
});

it("bounds what waits for a server", async () => {
  const gate = Promise.withResolvers<undefined>();
  let asked = 0;
  const { directory } = await open(() => {
    asked += 1;
    return gate.promise;
  });
  const answers = Array.from({ length: 600 }, (_, index) => directory.recipient(`u${index}@example.org`));
  const settled = Promise.allSettled(answers);
  await expect.poll(() => asked).toBe(50);
  gate.resolve(undefined);
  const full = (await settled).filter((answer) => answer.status === "rejected" && /1000 searches wait already/.test(String(answer.reason)));
  expect(full).toHaveLength(75);
});

it("leaves a server alone for a minute that refuses the password, so that no account is locked", async () => {
  const { directory, server, clock } = await open(() => undefined);
  const ask = () => Promise.resolve(directory.recipient("nobody@example.org")).catch((error: Error) => error.message);
  server.refusesBinds = true;
  for (const _ of [1, 2, 3]) expect(await ask()).toContain("bind-dn or its password is wrong");
  clock.now += 59_999;
  await ask();
  expect(server.binds).toBe(1);
  server.refusesBinds = false;
  clock.now += 1;
  expect(await ask()).toBeUndefined();
  expect(server.binds).toBe(2);
});

describe("an entry that was found by an address which is not of plain ASCII letters", () => {
  const either = "(&(objectClass=person)(|(mail={address})(alias={address})))";
  test.each<[address: string, recipients: string, entry: LdapAnswer, found: "found" | "not there" | "cannot tell"]>([
    // It has the address in an attribute of `attributes.emails`, or in one that the filter compares.
    ["jös@example.org", either, { mail: ["JÖS@Example.org"] }, "found"],
    ["jös@example.org", either, { mail: [john], alias: ["jös@example.org"] }, "found"],
    ["jös@example.org", "(proxy=smtp:{address})", { mail: [john], proxy: ["x500:/o=a", "SMTP:Jös@example.org"] }, "found"],
    ["jös@example.org", "(proxy=*:{address})", { mail: [john], proxy: ["smtp:jös@example.org"] }, "found"],
    ["jös@example.org", "(alias:caseExactMatch:={address})", { mail: [john], alias: ["jös@example.org"] }, "found"],
    ["jös@example.org", "(uid={local})", { mail: [john], uid: ["jös"] }, "found"],
    ["jös@example.org", "(id={local}%{domain})", { mail: [john], id: ["jös%example.org"] }, "found"],
    ["a b@example.org", "(alias={address})", { mail: [john], alias: ['"a b"@example.org'] }, "found"],
    // It has what a server takes for the address, and nothing else has made it so.
    ["jös@example.org", either, { mail: ["jos@example.org"] }, "not there"],
    ["jös@example.org", either, { mail: [john], alias: ["jos@example.org"] }, "not there"],
    ["jös@example.org", "(proxy=smtp:{address})", { mail: [john], proxy: ["SMTP:jos@example.org"] }, "not there"],
    ["straße@example.org", "(uid={local})", { mail: [john], uid: ["strasse"] }, "not there"],
    ["jo\u200bhn@example.org", either, { mail: [john] }, "not there"],
    ["john\u00ad@example.org", either, { mail: [john] }, "not there"],
    [" john@example.org", either, { mail: [john] }, "not there"],
    ["a  b@example.org", either, { mail: ["a b@example.org"] }, "not there"],
    // The attribute by which it was found may not be read, or is not known.
    ["jös@example.org", either, { mail: [john] }, "cannot tell"],
    ["jös@example.org", either, {}, "cannot tell"],
    ["jös@example.org", "(uid={local})", { mail: [john] }, "cannot tell"],
    ["jös@example.org", "(uid={local}*)", { mail: [john], uid: ["jösef"] }, "cannot tell"],
    ["jös@example.org", "(:caseExactMatch:={address})", { mail: [john] }, "cannot tell"],
    ["jös@example.org", "(|(mail={address})(catchall={domain}))", { mail: [john], catchall: ["example.org"] }, "cannot tell"],
    ["a b@example.org", either, { mail: [john] }, "cannot tell"],
    // What must not be there says nothing for it.
    ["jös@example.org", "(&(mail={address})(!(left={address})))", { mail: [john], left: ["jös@example.org"] }, "cannot tell"],
  ])("%j by %s, where it has %j: %s", async (address, recipients, entry, found) => {
    // Of a server, only what was asked for.
    const { directory } = await open(
      ({ attributes }) => Object.fromEntries(Object.entries(entry).filter(([name]) => attributes.includes(name))),
      ...[20_000, { recipients, lists: undefined, domains: undefined }],
    );
    const answer = async () => ((await directory.recipient(address)) === undefined ? "not there" : "found");
    expect(await answer().catch((error: unknown) => (error instanceof UnusableAnswer ? "cannot tell" : error))).toBe(found);
  });

  it("says what to do when it cannot be told whether it has the address", async () => {
    const filters = { recipients: either, lists: undefined, domains: undefined };
    const { directory } = await open(() => ({ mail: [john] }), 20_000, filters);
    await expect(directory.recipient("jös@example.org")).rejects.toThrow(
      'directory "test": dc=example is found by jös@example.org, which is not in what may be read of mail, alias. ' +
        "Let bind-dn read the attribute that has it, and name it in directory.test.attributes",
    );
  });
});

it("cannot tell whose a login is when the name of the entry may not be read", async () => {
  const { directory } = await open(({ filter }) => ({ mail: ["john@example.org"], ...(filter.includes("jan") && { uid: ["Jane"] }) }));
  await expect(directory.account?.("john")).rejects.toThrow(UnusableAnswer);
  expect(await directory.account?.("jane")).toEqual({ addresses: ["john@example.org"], senders: [] });
  expect(await directory.account?.("jané")).toBeUndefined();
});

it.each([
  ["as it was given", "JSmith", "JSmith", ["(uid=JSmith)"]],
  ["then in lower case", "JSmith", "jsmith", ["(uid=JSmith)", "(uid=jsmith)"]],
])("finds the name of a login %s", async (_, login, kept, asked) => {
  const filters: string[] = [];
  const { directory } = await open(({ filter }) => {
    filters.push(/\(uid=\w+\)/.exec(filter)?.[0] ?? filter);
    return filter.includes(`(uid=${kept})`) ? { uid: [kept], mail: ["j.smith@example.org"] } : undefined;
  });
  expect(await directory.account?.(login)).toEqual({ addresses: ["j.smith@example.org"], senders: [] });
  expect(filters).toEqual(asked);
});
