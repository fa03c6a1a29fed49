/** LDAP directories on a server that answers in ways in which OpenLDAP does not. */
import { afterEach, expect, it } from "vitest";
import type { LdapSettings } from "../../../src/directory/ldap/ldap-settings.ts";
import { openLdapDirectory } from "../../../src/directory/ldap.ts";
import { type LdapAnswer, type LdapQuestion, LdapServer } from "../../support/ldap-server.ts";

const ended: (() => void)[] = [];
afterEach(() => {
  for (const end of ended.splice(0)) end();
});

async function open(answer: (question: LdapQuestion) => Promise<LdapAnswer | undefined> | LdapAnswer | undefined, timeoutMs = 20_000) {
  const server = new LdapServer(answer);
  const port = await server.start();
  const settings: LdapSettings = {
    ...{ type: "ldap", name: "test", base: "dc=example", timeoutMs, bind: undefined, domains: ["example.org"] },
    servers: [{ url: `ldap://127.0.0.1:${port}`, host: "127.0.0.1", port, tls: "disable" }],
    tls: { ca: undefined, cert: undefined, key: undefined },
    filters: { recipients: "(mail={address})", lists: "(list={address})", domains: undefined },
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
