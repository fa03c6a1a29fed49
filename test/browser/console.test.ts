/** The console in a real browser: each view, what is done there, and that it loads and runs nothing but its own. */
import type { Browser, Page } from "puppeteer-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startBrowser, whyNoBrowser } from "../support/browser.ts";
import { busyWorld, ConsoleWorld, hostile, serveConsole } from "../support/console-world.ts";

const token = "of the postmaster";

describe.skipIf(whyNoBrowser() !== undefined)("the console", () => {
  let browser: Browser;
  let page: Page;
  let world: ConsoleWorld;
  let served: Awaited<ReturnType<typeof serveConsole>>;
  let problems: string[];

  beforeAll(async () => {
    browser = await startBrowser();
  });
  afterAll(() => browser.close());
  beforeEach(async () => {
    problems = [];
    page = await browser.newPage();
    page.on("console", (message) => ["error", "warn"].includes(message.type()) && problems.push(message.text()));
    page.on("pageerror", (error) => problems.push(String(error)));
    // Pictures in data: URLs are those of the browser itself.
    const isOwn = (url: string) => url.startsWith(served.url) || url.startsWith("data:");
    page.on("request", (request) => isOwn(request.url()) || problems.push(request.url()));
  });
  afterEach(async () => {
    await page.close();
    await served.close();
    expect(problems).toEqual([]);
  });

  async function open(of: ConsoleWorld, place: string, tokenOf?: string) {
    world = of;
    served = await serveConsole(of, tokenOf);
    await page.goto(`${served.url}${place}`);
  }

  /** What a person reads. */
  const text = (selector = "main") => page.$eval(selector, (element) => (element as unknown as { innerText: string }).innerText);
  const shows = (expected: string | RegExp, selector?: string) => expect.poll(() => text(selector).catch(() => "")).toMatch(expected);
  const rows = () => page.$$eval("button.row", (found) => found.length);
  const closed = () => expect.poll(() => page.$("dialog")).toBeNull();
  const press = async (name: string) => (await page.waitForSelector(`::-p-aria([role="button"][name="${name}"])`))?.click();

  test("each view shows what it is for", async () => {
    await open(busyWorld(Date.now()), "");
    const views: readonly (readonly [string, RegExp])[] = [
      ["decisions", /would defer\s+greylisted/],
      ["greylist", /waiting[\s\S]*jane@example\.org[\s\S]*for good/],
      ["refused", /50 of 74 decisions[\s\S]*greylisted\s+25/],
      ["throttles", /alice@client\.example\s+98 of 100/],
      [
        "calls",
        /RCPT, recipient: 2,210[\s\S]*milter: no request so far[\s\S]*session\.ehlo\.deny: the MTA never asks[\s\S]*Name it in main\.cf/,
      ],
      ["sources", /directory people\s+down since[\s\S]*ECONNREFUSED[\s\S]*dns\s+slow/],
      ["address?address=jane%40example.org", /The address is a mailbox[\s\S]*directory mail\s+jane@example\.org/],
      ["configuration?find=shadow", /^\[listener\.milter\]\s+mode = "shadow"$/m],
      [
        "explain?client=192.0.2.1&helo=a.example&from=&to=nobody%40example.org",
        /550 5\.1\.2 Mailbox does not exist\.[\s\S]*held back for 5 s/,
      ],
    ];
    for (const [place, expected] of views) {
      await page.goto(`${served.url}#/${place}`);
      await shows(expected);
      expect(await page.$$("nav [aria-current]")).toHaveLength(1);
    }
  });

  test("each view says what to do where there is nothing", async () => {
    await open(new ConsoleWorld(Date.now()), "");
    for (const [place, expected] of [
      ["decisions", "Is Postern called?"],
      ["greylist", "Nobody waits"],
      ["refused", "No decisions yet"],
      ["throttles", "None is near its limit"],
      ["sources", "No sources"],
    ] as const) {
      await page.goto(`${served.url}#/${place}`);
      await shows(expected);
    }
  });

  test("decisions come as they are made, unless they are paused; filters are in the URL", async () => {
    await open(busyWorld(Date.now()), "#/decisions");
    await expect.poll(rows).toBe(74);
    await page.focus("main input");
    // Others come while somebody writes.
    for (const letter of "lottery") {
      world.decide({ sender: "other@elsewhere.example" });
      await page.keyboard.type(letter);
    }
    await expect.poll(rows).toBe(12);
    expect(page.url()).toBe(`${served.url}#/decisions?from=lottery`);
    await page.reload();
    await expect.poll(rows).toBe(12);
    world.decide({ sender: "new@lottery.example" });
    world.decide({ sender: "other@elsewhere.example" });
    await shows("new@lottery.example", "main li:first-child");
    await press("Pause");
    world.decide({ sender: "later@lottery.example" });
    await shows("Paused, 1 new one");
    expect(await rows()).toBe(13);
    await press("Go on");
    await shows("later@lottery.example", "main li:first-child");
    await page.select("main select", "not-pass");
    await expect.poll(rows).toBe(12);
    await page.select("main select", "disconnect");
    await expect.poll(rows).toBe(0);
    await shows("No decision matches");
  });

  test("decisions of days are searched piece by piece, where they are kept", async () => {
    const days = busyWorld(Date.now());
    days.keepSeconds = 7 * 86_400;
    await open(days, "#/decisions?from=lottery");
    await expect.poll(rows).toBe(12);
    world.decide({ sender: "old@lottery.example", verdict: "reject", reason: "unknown-mailbox" }, 86_400_000);
    await page.select("main label:nth-child(7) select", "1");
    await shows("Found 13 decisions");
    expect(page.url()).toBe(`${served.url}#/decisions?from=lottery&earlier=1`);
    await page.goto(`${served.url}#/decisions?earlier=1&until=${encodeURIComponent(new Date(days.now - 3_600_000).toISOString())}`);
    await expect.poll(rows).toBeLessThan(60);
    await shows("old@lottery.example", "main li");
    // Those of now say that there are more, and lead there by the same filters.
    await page.goto(`${served.url}#/decisions?from=old%40lottery`);
    await expect.poll(rows).toBe(1);
    await (await page.waitForSelector("main p.note a"))?.click();
    await shows("Found 1 decision");
    expect(page.url()).toBe(`${served.url}#/decisions?from=old%40lottery&earlier=1`);
    const until = new Date(days.now - 43_200_000).toISOString();
    await page.goto(`${served.url}#/refused?earlier=1&until=${encodeURIComponent(until)}`);
    await shows(/1 of 1 decision since .* were refused/);
    await page.click("main .top a");
    await shows("Found 1 decision");
    expect(page.url()).toContain(`not-pass=1&earlier=1&until=${encodeURIComponent(until)}`);
    await page.click("button.row");
    await shows("Trace", "dialog");
    await page.keyboard.press("Escape");
    await closed();
  });

  test("a decision opens with its trace, and what was greylisted can be allowed", async () => {
    await open(busyWorld(Date.now()), "#/decisions?from=news.example&to=john");
    await expect.poll(rows).toBe(1);
    await page.click("button.row");
    await shows(/Trace[\s\S]*john@example\.org[\s\S]*directory mail/, "dialog");
    expect(world.explained).toEqual([
      {
        client: { address: "198.51.100.77", name: "out7.news.example", port: 40_000 },
        ...{ server: { port: 25 }, listener: "policy", helo: "out7.news.example", tls: true },
        ...{ sender: "bounce-4711@news.example", recipients: ["john@example.org"] },
      },
    ]);
    await press("Allow now");
    await shows("the next attempt passes", "dialog [role=status]");
    expect(world.done).toEqual([["allow", { client: "198.51.100.77", sender: "bounce-4711@news.example", recipient: "john@example.org" }]]);
    await page.keyboard.press("Escape");
    await closed();
  });

  test("an entry of the greylist is allowed or forgotten once that is confirmed", async () => {
    await open(busyWorld(Date.now()), "#/greylist?recipient=jane");
    await press("Allow now");
    await press("Cancel");
    await closed();
    expect(world.done).toEqual([]);
    await press("Allow now");
    await shows("bounce@news.example", "dialog");
    await page.keyboard.press("Enter");
    await shows("Allowed: mail from bounce@news.example to jane@example.org passes.", "main > [role=status]");
    await shows("allowed", "[data-label=State]");
    await press("Forget");
    await (await page.waitForSelector("dialog button.main"))?.click();
    await shows("Forgotten", "main > [role=status]");
    await shows("No entry matches");
    const entry = { client: "198.51.100.0/24", sender: "bounce@news.example", recipient: "jane@example.org" };
    expect(world.done).toEqual([
      ["allow", entry],
      ["forget", entry],
    ]);
  });

  test("a throttle is reset once that is confirmed", async () => {
    await open(busyWorld(Date.now()), "#/throttles");
    await press("Reset");
    await (await page.waitForSelector("dialog button.main"))?.click();
    await shows("Reset: alice@client.example counts from zero.");
    expect(world.done).toEqual([["reset", { name: "per-sender", key: "alice@client.example" }]]);
  });

  test("explain takes a form, which a bookmark keeps", async () => {
    await open(busyWorld(Date.now()), "#/explain");
    await page.waitForSelector("option:nth-child(3)");
    await page.type("[name=helo]", "mx.client.example");
    await page.type("[name=to]", "john@example.org");
    await page.keyboard.press("Enter");
    await page.keyboard.type("nobody@example.org");
    await page.select("[name=listener]", "milter");
    await press("Explain");
    await shows(/john@example\.org pass[\s\S]*nobody@example\.org reject/);
    expect(world.explained).toEqual([
      {
        client: {},
        listener: "milter",
        helo: "mx.client.example",
        tls: false,
        sender: "",
        recipients: ["john@example.org", "nobody@example.org"],
      },
    ]);
    expect(page.url()).toContain("to=john%40example.org%0Anobody%40example.org");
  });

  test("it is used by keyboard alone", async () => {
    await open(busyWorld(Date.now()), "#/decisions");
    await expect.poll(rows).toBe(74);
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    const focused = () => page.$eval(":focus-visible", (element) => (element as unknown as { innerText: string }).innerText);
    expect(await focused()).toContain("unknown-mailbox");
    await page.keyboard.press("Enter");
    await shows("Trace", "dialog");
    await page.keyboard.press("Escape");
    await closed();
    expect(await focused()).toContain("unknown-mailbox");
    await page.keyboard.press("p");
    await shows("Paused");
    await page.keyboard.press("/");
    await page.keyboard.type("3?");
    await expect.poll(() => page.url()).toContain("from=3%3F");
    await page.keyboard.press("Escape");
    await page.keyboard.press("?");
    await shows("next and previous decision", "dialog");
    await page.keyboard.press("Escape");
    await closed();
    await page.keyboard.press("7");
    await shows("Sources", "h1");
  });

  test("what strangers wrote is text", async () => {
    await open(busyWorld(Date.now()), "#/decisions?from=onerror");
    const shown = hostile.replace("\u202e", "\\u202e");
    await expect.poll(rows).toBe(1);
    expect(await text("button.row")).toContain(shown);
    await page.click("button.row");
    await shows(/Trace[\s\S]*onerror/, "dialog");
    for (const view of ["greylist", "refused"]) {
      await page.goto(`${served.url}#/${view}`);
      await expect.poll(() => text()).toContain(shown);
    }
    expect(await page.title()).toBe("Refused – Postern on mx.example.org");
    expect(await page.$$("main img")).toEqual([]);
  });

  test("a failure is told, and what was seen stays", async () => {
    await open(busyWorld(Date.now()), "#/greylist");
    await shows("jane@example.org");
    world.failing = "the state store does not answer";
    await press("Forget");
    await (await page.waitForSelector("dialog button.main"))?.click();
    await shows("the state store does not answer", "main > [role=status]");
    await shows("jane@example.org");
    // The browser says of every failure that it was one.
    expect(problems.splice(0)).toEqual([expect.stringContaining("503")]);
  });

  test("on a narrow screen nothing is wider than it, and the filters are folded away", async () => {
    await page.setViewport({ width: 360, height: 740 });
    await open(busyWorld(Date.now()), "#/decisions");
    await expect.poll(rows).toBe(74);
    expect(await page.$("details[open]")).toBeNull();
    const isTooWide = () => page.$eval("html", (element) => element.scrollWidth > element.clientWidth);
    for (const view of ["decisions", "explain", "greylist", "refused", "throttles", "calls", "sources", "configuration"]) {
      await page.goto(`${served.url}#/${view}`);
      await page.waitForSelector("main :is(button.row, form, tr, figure, pre)");
      expect([view, await isTooWide()]).toEqual([view, false]);
    }
  });

  test("it is dark where the system is, and nothing moves where the system asks for that", async () => {
    await page.emulateMediaFeatures([
      { name: "prefers-color-scheme", value: "dark" },
      { name: "prefers-reduced-motion", value: "reduce" },
    ]);
    await open(busyWorld(Date.now()), "#/greylist");
    await page.waitForSelector("canvas");
    const styleOf = (selector: string, property: string) =>
      page.$eval(
        selector,
        (element, name) => {
          const { getComputedStyle } = globalThis as unknown as { getComputedStyle(of: unknown): Record<string, string> };
          return getComputedStyle(element)[name];
        },
        property,
      );
    expect(await styleOf("body", "backgroundColor")).toBe("rgb(20, 23, 26)");
    expect(await styleOf("button", "transitionDuration")).toBe("0s");
  });

  test("with a token, people log in and out", async () => {
    await open(busyWorld(Date.now()), "", token);
    await page.type("[name=token]", token);
    await Promise.all([page.waitForNavigation(), press("Log in")]);
    await expect.poll(rows).toBe(74);
    await Promise.all([page.waitForNavigation(), press("Log out")]);
    await page.waitForSelector("[name=token]");
  });
});
