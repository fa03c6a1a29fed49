/** LDAP servers that stop, freeze, close idle connections and come back, under the eyes of a directory. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TemporaryError } from "../../../src/answer/temporary-error.ts";
import { openDirectory } from "../../../src/directory/open-directory.ts";
import { Files } from "../../../src/file/files.ts";
import { ldapSettings, openLdap } from "../../support/ldap-worlds.ts";
import { lacksSlapd, Slapd } from "../../support/slapd.ts";

describe.skipIf(lacksSlapd)("LDAP", () => {
  let servers: readonly [Slapd, Slapd];
  beforeAll(async () => {
    servers = await Promise.all([Slapd.create(openLdap), Slapd.create(openLdap)]);
  });
  afterAll(() => Promise.all(servers.map((server) => server.remove())));

  /** `timeoutMs` of a whole question; nothing is kept. */
  function open(count: 1 | 2, timeoutMs: number) {
    const urls = servers.slice(0, count).map(({ port }) => `ldap://127.0.0.1:${port}`);
    const news: string[] = [];
    const settings = ldapSettings(openLdap, urls, { timeoutMs, cache: { entries: 0, positiveMs: 0, negativeMs: 0, staleMs: 0 } });
    const clear = settings.servers.map((server) => ({ ...server, tls: "disable" as const }));
    const now = () => performance.now();
    const { directory, close } = openDirectory(
      { ...settings, servers: clear },
      {
        store: () => expect.unreachable(),
        queries: () => expect.unreachable(),
        maxListMembers: 10_000,
        now,
        files: new Files(now, () => {}),
        onAvailability: (name, up, cause) => news.push(`${name} ${up ? "up" : `down: ${String(cause)}`}`),
        onTakesAll: () => {},
        onShortcoming: () => {},
      },
    );
    return {
      news,
      close,
      /** Of somebody who exists. */
      ask: async () => {
        try {
          return (await directory.recipient("john@example.org"))?.kind ?? "nobody";
        } catch (error) {
          return error instanceof TemporaryError ? "cannot tell" : String(error);
        }
      },
    };
  }

  it("a server that stops and comes back: cannot tell, then right again, with one line each", async () => {
    const { ask, news, close } = open(1, 20_000);
    expect(await ask()).toBe("mailbox");
    await servers[0].stop();
    expect(await ask()).toBe("cannot tell");
    expect(await ask()).toBe("cannot tell");
    await servers[0].start();
    expect(await ask()).toBe("mailbox");
    expect(news).toEqual([expect.stringMatching(/^people down: .*ECONNREFUSED/), "people up"]);
    close?.();
  });

  it("a connection that was closed meanwhile is no failure, as servers close those that are idle", async () => {
    const { ask, news, close } = open(1, 20_000);
    expect(await ask()).toBe("mailbox");
    await servers[0].stop();
    await servers[0].start();
    expect(await ask()).toBe("mailbox");
    expect(news).toEqual([]);
    close?.();
  });

  it("a frozen server: cannot tell within the deadline, then right again, with one line each", async () => {
    const { ask, news, close } = open(1, 1500);
    expect(await ask()).toBe("mailbox");
    await servers[0].freeze();
    expect(await ask()).toBe("cannot tell");
    expect(await ask()).toBe("cannot tell");
    servers[0].thaw();
    await expect.poll(ask).toBe("mailbox");
    expect(news).toEqual([expect.stringMatching(/^people down: .*no answer in \d+ ms/), "people up"]);
    close?.();
  });

  it.each([
    "stop",
    "freeze",
  ] as const)("the second server answers while the first does not (%s), and the first again when it is back", async (how) => {
    const { ask, news, close } = open(2, 2000);
    const [{ port }] = servers;
    expect(await ask()).toBe("mailbox");
    await servers[0][how]();
    expect(new Set([await ask(), ...(await Promise.all(Array.from({ length: 20 }, ask))), await ask()])).toEqual(new Set(["mailbox"]));
    const down = expect.stringContaining(`people (ldap://127.0.0.1:${port}) down: `);
    expect(news).toEqual([down]);
    await (how === "stop" ? servers[0].start() : servers[0].thaw());
    await expect.poll(() => ask().then(() => news)).toEqual([down, `people (ldap://127.0.0.1:${port}) up`]);
    await servers[1].stop();
    expect(await ask()).toBe("mailbox");
    await servers[1].start();
    close?.();
  });

  it("both away: cannot tell, and no question is refused or lost when they are back", async () => {
    const { ask, news, close } = open(2, 20_000);
    await Promise.all(servers.map((server) => server.stop()));
    expect(new Set(await Promise.all(Array.from({ length: 20 }, ask)))).toEqual(new Set(["cannot tell"]));
    expect(news).toHaveLength(2);
    await Promise.all(servers.map((server) => server.start()));
    expect(await ask()).toBe("mailbox");
    close?.();
  });
});
