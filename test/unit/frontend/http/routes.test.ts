/** What the HTTP listener answers, and what it does with requests that are too long, wrong or never end. */
import { once } from "node:events";
import { connect } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { TemporaryError } from "../../../../src/answer/temporary-error.ts";
import type { Operations, RefusedEarlier } from "../../../../src/frontend/http/api.ts";
import { WrittenDecision } from "../../../../src/frontend/written-decision.ts";
import { aDecision, httpPlace } from "../../../support/http-place.ts";
import { refusedAmong } from "../../../support/refused-among.ts";

test("whether it is ready says the status, too", async () => {
  const { ask } = await httpPlace();
  expect(await ask({ path: "/readyz" })).toMatchObject({ status: 503, text: '{"ready":false,"reasons":["store pg: away"]}\n' });
  expect(await ask({ path: "/healthz" })).toMatchObject({ status: 200 });
});

test("decisions are listed by what is asked for, oldest first, names as JSON has them", async () => {
  const { ask, log } = await httpPlace();
  const hostile = '<img src=x onerror="alert(1)">@b.example';
  log.add(new WrittenDecision({ ...aDecision, sender: hostile }));
  log.add(new WrittenDecision({ ...aDecision, verdict: "pass", reason: "mailbox", reply: "", would: "defer" }, "the server is away"));
  log.add(new WrittenDecision({ ...aDecision, verdict: "pass", reason: "mailbox", reply: "", resolved: ["postmaster@example.org"] }));
  const ids = async (query: string) => {
    const { text, headers } = await ask({ path: `/api/decisions?${query}` });
    expect(headers["content-type"]).toBe("application/json; charset=utf-8");
    return (JSON.parse(text) as { decisions: readonly { id: string }[] }).decisions.map(({ id }) => id);
  };
  expect(await ids("")).toEqual(["0", "1", "2"]);
  expect(await ids("limit=1")).toEqual(["2"]);
  expect(await ids("from=ONERROR")).toEqual(["0"]);
  expect(await ids("to=postmaster")).toEqual(["2"]);
  expect(await ids("client=mx.a")).toEqual(["0", "1", "2"]);
  expect(await ids("reason=mailbox")).toEqual(["1", "2"]);
  expect(await ids("verdict=defer")).toEqual(["1"]);
  expect(await ids("not-pass=1")).toEqual(["0", "1"]);
  expect(await ids("exclude=onerror")).toEqual(["1", "2"]);
  expect(await ids("listener=other")).toEqual([]);
  const { text } = await ask({ path: "/api/decisions?verdict=defer" });
  expect(JSON.parse(text)).toEqual({
    decisions: [
      {
        ...{ ...aDecision, verdict: "pass", reason: "mailbox", reply: "", would: "defer" },
        ...{ id: "1", time: "2026-01-01T00:00:00.000Z", error: "the server is away" },
      },
    ],
  });
});

test("what is refused most", async () => {
  const { ask, log } = await httpPlace();
  for (const client of ["192.0.2.7", "192.0.2.8", "2001:db8::1", ""]) log.add(new WrittenDecision({ ...aDecision, client }));
  log.add(new WrittenDecision({ ...aDecision, verdict: "pass", would: "reject", reason: "denied" }));
  log.add(new WrittenDecision({ ...aDecision, verdict: "pass" }));
  expect(JSON.parse((await ask({ path: "/api/refused" })).text)).toEqual({
    ...{ since: "2026-01-01T00:00:00.000Z", decisions: 6, refused: 5 },
    byReason: [
      { value: "unknown-mailbox", count: 4 },
      { value: "denied", count: 1 },
    ],
    byNetwork: [
      { value: "192.0.2.0/24", count: 3 },
      { value: "2001:db8::/64", count: 1 },
    ],
    byRecipient: [{ value: "john@example.org", count: 5 }],
  });
});

/** What those who follow decisions that did not pass have read. */
function follow({ port, host }: { readonly port: number; readonly host: string }): () => string {
  const socket = connect(port, "127.0.0.1").setEncoding("utf8");
  let text = "";
  socket.on("data", (chunk: string) => {
    text += chunk;
  });
  socket.write(`GET /api/decisions?not-pass=1 HTTP/1.1\r\nHost: ${host}\r\nAccept: text/event-stream\r\n\r\n`);
  onTestFinished(() => void socket.destroy());
  return () => text;
}

test("decisions are followed as events, first those that are kept", async () => {
  const place = await httpPlace();
  const { log } = place;
  log.add(new WrittenDecision(aDecision));
  const text = follow(place);
  await expect.poll(text).toContain("id: 0\n");
  log.add(new WrittenDecision({ ...aDecision, verdict: "pass" }));
  log.add(new WrittenDecision({ ...aDecision, recipient: "a\n\ndata: forged" }));
  await expect.poll(text).toContain("id: 2\n");
  expect(text()).toContain("content-type: text/event-stream");
  expect(text()).not.toContain("id: 1\n");
  expect(text()).not.toMatch(/^data: forged/m);
});

test("of decisions that come faster than anybody reads the last are shown, and the number of the others", async () => {
  const place = await httpPlace();
  const text = follow(place);
  await expect.poll(text).toContain(": decisions\n");
  for (let number = 0; number < 1000; number += 1) {
    place.log.add(new WrittenDecision(aDecision));
    place.log.add(new WrittenDecision({ ...aDecision, verdict: "pass" }));
  }
  await expect.poll(text).toContain("id: 1998\n");
  const ids = Array.from({ length: 200 }, (_, index) => `id: ${1600 + 2 * index}`);
  expect(text().match(/^id: .*|^event: .*\ndata: .*/gm)).toEqual(["event: missed\ndata: 800", ...ids]);
});

test("a request of too many octets is not read", async () => {
  const place = await httpPlace();
  const { csrf } = JSON.parse((await place.ask({ path: "/api/session" })).text) as { csrf: string };
  const headers = { origin: `http://${place.host}`, "content-type": "application/json", "x-csrf-token": csrf };
  const ask = (body: string) => place.ask({ method: "POST", path: "/api/greylist/allow", headers, body });
  expect((await ask(JSON.stringify({ client: "x".repeat(70_000) }))).status).toBe(413);
  expect((await ask("{")).status).toBe(400);
  expect((await ask('{"client":1}')).status).toBe(400);
  expect((await ask('{"client":"a","other":1}')).status).toBe(400);
  expect(place.done).toEqual([]);
});

test.each([
  ["no HTTP", "EHLO mx.example\r\n\r\n"],
  ["endless headers", `GET / HTTP/1.1\r\n${"x: y\r\n".repeat(10_000)}`],
])("%s closes the connection", async (_, bytes) => {
  const { port, listener } = await httpPlace();
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.resume().write(bytes);
  await once(socket, "close");
  await expect.poll(() => listener.count).toBe(0);
});

test("a connection has one request at a time: one that comes before the answer ends it", async () => {
  const { port, host, listener, done } = await httpPlace();
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.resume().write(`GET /api/refused/archive HTTP/1.1\r\nHost: ${host}\r\n\r\n`.repeat(30));
  await once(socket, "close");
  await expect.poll(() => listener.count).toBe(0);
  expect(done).toHaveLength(1);
});

test("one request after the other has its answer on the same connection", async () => {
  const { port, host } = await httpPlace();
  const socket = connect(port, "127.0.0.1").setEncoding("utf8");
  for (let number = 0; number < 3; number += 1) {
    socket.write(`GET /healthz HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
    expect(await once(socket, "data")).toMatchObject([expect.stringContaining("alive\n")]);
  }
  socket.destroy();
});

test.each([0, 1, 250])("a page of %i decisions that were kept is what the console reads", async (count) => {
  const decisions = Array.from({ length: count }, (_, id) => ({ id: `1-${id}`, recipient: '"<b>"@b.example' }));
  const archived = async () => ({ texts: decisions.map((each) => JSON.stringify(each)), next: "5-7", reached: null });
  const { ask } = await httpPlace({ operations: { archived } });
  const { status, headers, text } = await ask({ path: "/api/decisions/archive" });
  expect([status, headers["content-type"]]).toEqual([200, "application/json; charset=utf-8"]);
  expect(JSON.parse(text)).toEqual({ decisions, next: "5-7", reached: null });
});

test.each([
  ["", 200],
  ["?limit=0", 1],
  ["?limit=999999", 2000],
])("a page of decisions that were kept has a limit: %s", async (query, limit) => {
  const { ask, done } = await httpPlace();
  expect(await ask({ path: `/api/decisions/archive${query}` })).toMatchObject({ status: 200 });
  expect(done.map((search) => JSON.parse(search))).toMatchObject([{ limit }]);
});

test("what is counted in the archive ends with the client that asked", async () => {
  const asked = Promise.withResolvers<() => boolean>();
  const answer = Promise.withResolvers<RefusedEarlier>();
  const refusedEarlier: Operations["refusedEarlier"] = (_, isAwaited) => {
    asked.resolve(isAwaited);
    return answer.promise;
  };
  const { port, host } = await httpPlace({ operations: { refusedEarlier } });
  const socket = connect(port, "127.0.0.1");
  socket.write(`GET /api/refused/archive HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  const isAwaited = await asked.promise;
  expect(isAwaited()).toBe(true);
  socket.destroy();
  await expect.poll(isAwaited).toBe(false);
  answer.resolve({ ...refusedAmong([]), reached: null });
});

test("of many answers at once four are made, and the others in their turn, while their clients wait", async () => {
  const asked: string[] = [];
  const answers: (() => void)[] = [];
  const throttles = () =>
    new Promise<[]>((resolve) => {
      asked.push("");
      answers.push(() => resolve([]));
    });
  const { ask, port, host, listener } = await httpPlace({ operations: { throttles } });
  const path = "/api/throttles";
  const first = Array.from({ length: 4 }, () => ask({ path }));
  await expect.poll(() => asked.length).toBe(4);
  const gone = connect(port, "127.0.0.1");
  gone.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  await expect.poll(() => listener.count).toBe(5);
  const last = ask({ path });
  // What needs no work is answered all the same.
  expect(await ask({ path: "/healthz" })).toMatchObject({ status: 200 });
  await expect.poll(() => listener.count).toBe(6);
  expect(asked).toHaveLength(4);
  gone.destroy();
  await expect.poll(() => listener.count).toBe(5);
  for (const answer of answers.splice(0)) answer();
  for (const answered of await Promise.all(first)) expect(answered.status).toBe(200);
  await expect.poll(() => asked.length).toBe(5);
  answers[0]?.();
  expect(await last).toMatchObject({ status: 200, text: '{"throttles":[]}\n' });
});

test.each([
  ["ends well", true],
  ["fails", false],
])("an answer whose client has gone keeps its place until it %s", async (_, isWell) => {
  const made: PromiseWithResolvers<[]>[] = [];
  const throttles = () => {
    const answer = Promise.withResolvers<[]>();
    made.push(answer);
    return answer.promise;
  };
  const { ask, port, host, listener } = await httpPlace({ operations: { throttles } });
  const path = "/api/throttles";
  const gone = Array.from({ length: 4 }, () => connect(port, "127.0.0.1"));
  for (const socket of gone) socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  await expect.poll(() => made.length).toBe(4);
  for (const socket of gone) socket.destroy();
  await expect.poll(() => listener.count).toBe(0);
  const later = ask({ path });
  await expect.poll(() => listener.count).toBe(1);
  // It would have begun by the answer to this.
  expect(await ask({ path: "/healthz" })).toMatchObject({ status: 200 });
  expect(made).toHaveLength(4);
  if (isWell) made[2]?.resolve([]);
  else made[2]?.reject(new TemporaryError("away"));
  await expect.poll(() => made.length).toBe(5);
  made[4]?.resolve([]);
  expect(await later).toMatchObject({ status: 200 });
});

/** Decisions in so many portions of 64 KB, and how many of them were made. */
function manyDecisions(portions: number) {
  const place = { made: 0 };
  async function* texts() {
    for (; place.made < portions; place.made += 1) yield [JSON.stringify("x".repeat(65_536))];
  }
  return { place, decisions: async () => ({ count: portions, texts: texts(), missed: 0, mark: {} }) };
}

/** It reads nothing. */
function unread({ port, host }: { readonly port: number; readonly host: string }, headers = "") {
  const socket = connect(port, "127.0.0.1").pause();
  socket.on("error", () => {});
  socket.write(`GET /api/decisions HTTP/1.1\r\nHost: ${host}\r\n${headers}\r\n`);
  onTestFinished(() => void socket.destroy());
}

test.each([
  ["a list", ""],
  ["what is followed", "Accept: text/event-stream\r\n"],
])("of %s that nobody reads only the beginning is made, and the connection is closed", async (_, headers) => {
  const { place, decisions } = manyDecisions(2000);
  const opened = await httpPlace({ operations: { decisions }, unreadMs: 100 });
  unread(opened, headers);
  await expect.poll(() => place.made).toBeGreaterThan(0);
  await expect.poll(() => opened.listener.count).toBe(0);
  expect(place.made).toBeLessThan(1000);
  expect(opened.notices).toEqual([]);
});

test("a list is whole for whoever reads, also one without decisions", async () => {
  const { decisions } = manyDecisions(20);
  const { ask } = await httpPlace({ operations: { decisions } });
  expect(JSON.parse((await ask({ path: "/api/decisions" })).text).decisions).toHaveLength(20);
  expect((await (await httpPlace()).ask({ path: "/api/decisions" })).text).toBe('{"decisions":[]}\n');
});

test("an answer that takes longer to be made than it may wait to be read comes", async () => {
  const throttles = async () => {
    // Longer than the timer below.
    await new Promise((resolve) => setTimeout(resolve, 100));
    return [];
  };
  const { ask } = await httpPlace({ operations: { throttles }, unreadMs: 10 });
  expect(await ask({ path: "/api/throttles" })).toMatchObject({ status: 200 });
});

test("HEAD follows nothing", async () => {
  const { ask } = await httpPlace();
  const headers = { accept: "text/event-stream" };
  for (let number = 0; number < 40; number += 1)
    expect(await ask({ method: "HEAD", path: "/api/decisions", headers })).toMatchObject({
      ...{ status: 200, text: "" },
      headers: { "content-type": "text/event-stream; charset=utf-8" },
    });
});

test.each(["//", "//a:99999999/", "http://[", "http://", "http:///", "/%", "/%zz?%", "*"])("%s is no bug", async (path) => {
  const { ask, notices } = await httpPlace();
  expect((await ask({ path, headers: { accept: "text/html" } })).status).toBe(404);
  const guarded = await httpPlace({ settings: { token: "secret", allowedHosts: [] } });
  expect((await guarded.ask({ path })).status).toBe(401);
  expect([...notices, ...guarded.notices]).toEqual([]);
});

test("what a proxy is asked for is found, too", async () => {
  const { ask } = await httpPlace();
  expect(await ask({ path: "http://postern.example/healthz" })).toMatchObject({ status: 200 });
});

test("a bug is reported once, with what was asked", async () => {
  const bug = new TypeError("a bug");
  const throttles = async () => {
    throw bug;
  };
  const { ask, notices, remarks } = await httpPlace({ operations: { throttles } });
  for (const near of [0, 1]) expect((await ask({ path: `/api/throttles?near=${near}` })).status).toBe(500);
  expect(notices[0]).toEqual({ kind: "http-error", listener: "web", request: "GET /api/throttles", error: bug });
  expect(remarks[0]).toMatchObject({ about: bug.stack });
  expect(remarks[1]).toEqual(remarks[0]);
});

test("the end does not wait for a reader that does not read", async () => {
  const { place, decisions } = manyDecisions(2000);
  const opened = await httpPlace({ operations: { decisions } });
  unread(opened);
  await expect.poll(() => place.made).toBeGreaterThan(0);
  // The test would be too late.
  await opened.listener.finish(3_600_000);
  expect(opened.listener.count).toBe(0);
});

test("the end waits for what is under way, and closes what is idle", async () => {
  const { port, listener } = await httpPlace();
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  await expect.poll(() => listener.count).toBe(1);
  await listener.finish(60_000);
  expect(listener.count).toBe(0);
});
