/** Who may ask the HTTP listener: what a stranger's page can make a browser send reads nothing and changes nothing. */
import { connect } from "node:net";
import { describe, expect, it } from "vitest";
import { WrittenDecision } from "../../../../src/frontend/written-decision.ts";
import { type Asked, aDecision, httpPlace } from "../../../support/http-place.ts";

const token = "0123456789abcdef";
const json = "application/json";
const allow = { method: "POST", path: "/api/greylist/allow", body: '{"client":"192.0.2.7"}' };

const readable = [
  "/metrics",
  "/readyz",
  "/status",
  "/api/session",
  "/api/decisions",
  "/api/refused",
  "/api/greylist",
  "/api/configuration",
];

describe("a name that was rebound", () => {
  it.each([
    ["evil.example"],
    ["evil.example:80"],
    ["localhost.evil.example"],
    ["127.0.0.1.evil.example"],
    ["192.0.2.1"],
    ["localhost@evil.example"],
    ["[::2]"],
  ])("Host: %s reads nothing", async (host) => {
    const place = await httpPlace();
    place.log.add(new WrittenDecision(aDecision));
    for (const path of readable) {
      const { status, text } = await place.ask({ path, headers: { host } });
      expect(status).toBe(421);
      expect(text).not.toContain("john");
    }
  });

  it.each([["localhost"], ["LOCALHOST:8080"], ["127.0.0.1:1"], ["[::1]:8080"], ["status.example.org"]])("Host: %s reads", async (host) => {
    const place = await httpPlace({ settings: { token: undefined, allowedHosts: ["status.example.org"] } });
    expect((await place.ask({ path: "/api/session", headers: { host } })).status).toBe(200);
  });
});

it("no browser asks without a Host, as load balancers do by HTTP/1.0, and nothing is changed so", async () => {
  const { port, done } = await httpPlace();
  const ask = async (request: string) => {
    const socket = connect(port, "127.0.0.1").setEncoding("utf8");
    socket.write(request);
    let text = "";
    for await (const part of socket) text += part;
    return text;
  };
  expect(await ask("GET /healthz HTTP/1.0\r\n\r\n")).toMatch(/^HTTP\/1.1 200 .*\r\nalive\n$/s);
  expect(await ask("GET /healthz HTTP/1.0\r\nHost:\r\n\r\n")).toMatch(/^HTTP\/1.1 421 /);
  const { method, path, body } = allow;
  const change = `${method} ${path} HTTP/1.0\r\nOrigin: http://127.0.0.1:${port}\r\nContent-Type: ${json}\r\nContent-Length: ${body.length}`;
  expect(await ask(`${change}\r\n\r\n${body}`)).toMatch(/^HTTP\/1.1 403 /);
  expect(done).toEqual([]);
});

describe("a page of another origin", () => {
  it.each(["cross-site", "same-site"])("reads nothing, as a browser says (%s)", async (site) => {
    const { ask } = await httpPlace();
    for (const path of readable) expect((await ask({ path, headers: { "sec-fetch-site": site } })).status).toBe(403);
  });

  it("is allowed nothing by CORS", async () => {
    const { ask } = await httpPlace();
    const headers = { origin: "https://evil.example", "access-control-request-method": "POST" };
    expect((await ask({ method: "OPTIONS", path: allow.path, headers })).status).toBe(405);
    const { headers: answered } = await ask({ path: "/api/session", headers: { origin: "https://evil.example" } });
    expect(Object.keys(answered).filter((name) => name.startsWith("access-control"))).toEqual([]);
    expect(answered["cross-origin-resource-policy"]).toBe("same-origin");
  });

  it("changes nothing", async () => {
    const place = await httpPlace();
    const { csrf } = JSON.parse((await place.ask({ path: "/api/session" })).text) as { csrf: string };
    const own = { origin: `http://${place.host}`, "content-type": json, "x-csrf-token": csrf };
    const refused: readonly NonNullable<Asked["headers"]>[] = [
      { ...own, origin: "https://evil.example" },
      { ...own, origin: "null" },
      { ...own, "sec-fetch-site": "cross-site" },
      { "content-type": json, "x-csrf-token": csrf },
      { ...own, "x-csrf-token": "stolen" },
      { origin: own.origin, "content-type": json },
      // What a form can send.
      { origin: own.origin, "content-type": "text/plain" },
    ];
    for (const headers of refused) expect((await place.ask({ ...allow, headers })).status).toBe(403);
    expect((await place.ask({ ...allow, headers: { ...own, "content-type": "text/plain" } })).status).toBe(400);
    expect((await place.ask({ path: allow.path, headers: own })).status).toBe(405);
    expect(place.done).toEqual([]);
    expect((await place.ask({ ...allow, headers: own })).text).toBe('{"done":true}\n');
    expect(place.done).toEqual(["allow 192.0.2.7"]);
  });
});

describe("with a token", () => {
  it.each([
    ["none", {}],
    ["a wrong one", { authorization: "Bearer 0123456789abcdeF" }],
    ["a part of it", { authorization: "Bearer 0123456789" }],
    ["it by another scheme", { authorization: `Basic ${token}` }],
    ["a made-up cookie", { cookie: "postern=99999999999.c2lnbmF0dXJl" }],
    ["the token as a cookie", { cookie: `postern=${token}` }],
  ])("%s reads nothing, and changes nothing", async (_, headers) => {
    const place = await httpPlace({ settings: { token, allowedHosts: [] } });
    for (const path of [...readable, "/", "/nothing"]) expect((await place.ask({ path, headers })).status).toBe(401);
    expect((await place.ask({ ...allow, headers: { ...headers, origin: `http://${place.host}` } })).status).toBe(401);
    expect(place.done).toEqual([]);
    expect((await place.ask({ path: "/healthz", headers })).text).toBe("alive\n");
  });

  it("whoever shows it reads", async () => {
    const { ask, notices } = await httpPlace({ settings: { token, allowedHosts: [] } });
    expect((await ask({ path: "/api/session", headers: { authorization: `Bearer ${token}` } })).status).toBe(200);
    expect(notices).toEqual([]);
    await ask({ path: "/api/session", headers: { authorization: "Bearer nonsense" } });
    expect(notices).toEqual([{ kind: "wrong-token", listener: "web", peer: "127.0.0.1" }]);
  });

  it("people log in on a page, and out", async () => {
    const place = await httpPlace({ settings: { token, allowedHosts: [] } });
    const { ask, time } = place;
    const page = await ask({ path: "/", headers: { accept: "text/html" } });
    expect([page.status, page.headers.location]).toEqual([303, "/login"]);
    expect((await ask({ path: "/login" })).text).toContain("<form");
    const form = { method: "POST", path: "/login", headers: { origin: `http://${place.host}` } };
    expect((await ask({ ...form, body: "token=wrong" })).status).toBe(401);
    // A stranger may send it, and so may many at once.
    expect((await ask({ ...form, body: `token=${"x".repeat(5000)}` })).status).toBe(413);
    expect((await ask({ ...form, headers: { origin: "https://evil.example" }, body: `token=${token}` })).status).toBe(403);

    const { status, headers } = await ask({ ...form, body: `token=${token}` });
    expect(status).toBe(303);
    const [set = ""] = headers["set-cookie"] ?? [];
    expect(set).toMatch(/^postern=[^;]+; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/);
    const cookie = `theme=dark; ${set.split(";")[0]}`;
    const session = await ask({ path: "/api/session", headers: { cookie } });
    expect(JSON.parse(session.text)).toMatchObject({ needsToken: true });
    // The cookie alone, which a browser sends with a form of another page, is not enough.
    const own = { origin: `http://${place.host}`, cookie, "content-type": json };
    expect((await ask({ ...allow, headers: own })).status).toBe(403);
    const csrf = (JSON.parse(session.text) as { csrf: string }).csrf;
    expect((await ask({ ...allow, headers: { ...own, "x-csrf-token": csrf } })).status).toBe(200);

    const out = await ask({ method: "POST", path: "/logout", headers: { ...own, "x-csrf-token": csrf } });
    expect(out.headers["set-cookie"]?.[0]).toContain("Max-Age=0");
    time.now += 12 * 3_600_000;
    expect((await ask({ path: "/api/session", headers: { cookie } })).status).toBe(401);
  });
});

it("every answer says what a browser may do with it", async () => {
  const { ask } = await httpPlace();
  for (const path of ["/api/session", "/login", "/nothing"]) {
    expect((await ask({ path })).headers).toMatchObject({
      "content-security-policy": expect.stringMatching(/^default-src 'none'; script-src 'self';.* frame-ancestors 'none'$/),
      "x-content-type-options": "nosniff",
      "cache-control": "no-store",
    });
  }
});
