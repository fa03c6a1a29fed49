/** What DNS lists answer in the field, and what must come of it. */
import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import type { Answer } from "../../../src/answer/answer.ts";
import { TemporaryError } from "../../../src/answer/temporary-error.ts";
import { DnsList, type DnsListSettings } from "../../../src/dns/dns-list.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

const key = "k3yk3yk3yk3yk3yk3yk3yk3yk3";
const zone = `${key}.zen.example`;

/** By name below the zone: codes, or that there is no answer. Tested well, as lists are. */
const well: Readonly<Record<string, readonly string[]>> = { "2.0.0.127": ["127.0.0.2"], test: ["127.0.0.2"] };
let entries: Record<string, readonly string[] | "fails" | "silence">;
let asked: string[];
let news: string[];
let clock: VirtualClock;
beforeEach(() => {
  entries = { ...well };
  asked = [];
  news = [];
  clock = new VirtualClock();
});

const dns = {
  query(name: string): Answer<readonly string[] | undefined> {
    const below = name.replace(`.${zone}`, "");
    asked.push(below);
    const entry = entries[below];
    if (entry === "silence") return new Promise(() => {});
    if (entry === "fails")
      return Promise.reject(
        new TemporaryError(`DNS: no answer for ${name}`, { cause: Object.assign(new Error(`query ${name}`), { code: "EREFUSED" }) }),
      );
    return Promise.resolve(entry);
  },
};

/** `keptMs`: how long the DNS keeps its answers. */
function open(changes: Partial<DnsListSettings> = {}, keptMs = 0): DnsList {
  const settings: DnsListSettings = {
    ...{ name: "zen", zone, of: "client", listed: ["127.0.0.2-127.0.0.11"], errors: ["127.255.255.0/24"], timeoutMs: 2000 },
    ...changes,
  };
  return new DnsList(settings, {
    ...{ dns: { ...dns, freshUntil: () => clock.now() + keptMs }, now: clock.now, later: clock.later, entries: 100 },
    onAvailability: (list, up, cause, isSame) => isSame || news.push(`${list} ${up ? "works again" : (cause as Error).message}`),
  });
}

const pass = (ms: number) => clock.until(clock.sleep(ms));

/** One that was tested. */
async function tested(changes: Partial<DnsListSettings> = {}, keptMs = 0): Promise<DnsList> {
  const list = open(changes, keptMs);
  await list.test().catch(() => {});
  asked.length = 0;
  return list;
}

describe("what a list answers", () => {
  it.each<[answer: readonly string[] | undefined, codes: string[]]>([
    [undefined, []],
    [["127.0.0.2"], ["127.0.0.2"]],
    [
      ["127.0.0.4", "127.0.0.2"],
      ["127.0.0.4", "127.0.0.2"],
    ],
    [["127.0.0.10", "127.0.0.30"], ["127.0.0.10"]],
    // One that another list has for those that it knows to be good.
    [["127.0.0.1"], []],
    [["127.0.1.2"], []],
  ])("%j: %j count", async (answer, codes) => {
    const list = await tested();
    if (answer) entries["1.2.0.192"] = answer;
    expect(await list.codes("192.0.2.1")).toEqual(codes);
    expect(news).toEqual([]);
  });

  it.each([
    // Refused: an open resolver, too many questions, a wrong zone.
    [["127.255.255.252"]],
    [["127.255.255.254"]],
    [["127.255.255.255"]],
    // A resolver that rewrites what does not exist, a zone that was sold.
    [["192.0.2.80"]],
    [["0.0.0.0"]],
    [["127.0.0.2", "198.51.100.7"]],
  ])("%j is an error and never a listing, and said once", async (answer) => {
    const list = await tested({ listed: ["127.0.0.0/8"] });
    entries["1.2.0.192"] = answer;
    for (let mail = 0; mail < 3; mail += 1) await expect(async () => list.codes("192.0.2.1")).rejects.toThrow(TemporaryError);
    entries["2.2.0.192"] = ["127.0.0.2"];
    expect(await list.codes("192.0.2.2")).toEqual(["127.0.0.2"]);
    await expect(async () => list.codes("192.0.2.1")).rejects.toThrow(TemporaryError);
    expect(news).toEqual([expect.stringMatching(/^zen it answers [\d.]+, which is an error and no listing/)]);
    await list.test();
    expect(news.at(-1)).toBe("zen works again");
  });

  it("a list of good senders does not welcome everybody when it is asked too often", async () => {
    const list = await tested({ name: "dnswl", listed: ["127.0.[0..255].[1..3]"] });
    Object.assign(entries, { "1.2.0.192": ["127.0.0.255"], "2.2.0.192": ["127.0.10.1"], "3.2.0.192": ["127.0.10.0"] });
    expect(await list.codes("192.0.2.1")).toEqual([]);
    expect(await list.codes("192.0.2.2")).toEqual(["127.0.10.1"]);
    expect(await list.codes("192.0.2.3")).toEqual([]);
  });

  it("a server that refuses or says nothing cannot tell, which is said once, and once more when it works again", async () => {
    const list = await tested();
    entries["1.2.0.192"] = "fails";
    for (let mail = 0; mail < 3; mail += 1)
      await expect(async () => list.codes("192.0.2.1")).rejects.toThrow("it gives no answer: EREFUSED");
    entries["2.2.0.192"] = "silence";
    await expect(clock.until(list.codes("192.0.2.2"))).rejects.toThrow("it gives no answer: none in time");
    expect(clock.now()).toBe(2000);
    expect(news).toEqual(["zen it gives no answer: EREFUSED"]);
    await list.codes("192.0.2.3");
    expect(news.slice(1)).toEqual(["zen works again"]);
  });

  it.each([
    "[192.0.2.1]",
    "192.0.2.1",
    "[ipv6:2001:db8::1]",
    "2001:db8::1",
    "localhost",
    "",
  ])("a list of domains is never asked about %j", async (domain) => {
    const list = await tested({ of: "ehlo" });
    expect(list.codes(domain)).toEqual([]);
    expect(asked).toEqual([]);
  });
});

it("what it said is at hand as long as the DNS keeps it, unless the list is switched off since", async () => {
  const list = await tested({}, 60_000);
  entries["1.2.0.192"] = ["127.0.0.2"];
  expect(await list.codes("192.0.2.1")).toEqual(["127.0.0.2"]);
  expect(await list.codes("192.0.2.2")).toEqual([]);
  expect([list.codes("192.0.2.1"), list.codes("192.0.2.2")]).toEqual([["127.0.0.2"], []]);
  expect(asked).toEqual(["1.2.0.192", "2.2.0.192"]);
  await pass(60_000);
  await list.codes("192.0.2.2");
  expect(asked).toEqual(["1.2.0.192", "2.2.0.192", "2.2.0.192"]);
  entries["1.0.0.127"] = ["127.0.0.2"];
  await expect(list.test()).rejects.toThrow(/it lists 127\.0\.0\.1/);
  expect(() => list.codes("192.0.2.2")).toThrow(/switched off/);
});

describe("a list that says nothing", () => {
  const about = (host: number) => list.codes(`192.0.2.${host}`);
  /** How long the question was waited for, and what came of it. */
  async function waitedFor(host: number): Promise<[ms: number, codes: readonly string[] | "cannot tell"]> {
    const since = clock.now();
    const codes = await clock.until((async () => about(host))()).catch((error: unknown) => {
      if (error instanceof TemporaryError) return "cannot tell" as const;
      throw error;
    });
    return [clock.now() - since, codes];
  }

  let list: DnsList;
  beforeEach(async () => {
    list = await tested({}, 3_600_000);
    for (const host of [1, 2, 3, 4, 5]) entries[`${host}.2.0.192`] = "silence";
  });

  it("is waited for once a minute about the same", async () => {
    expect(await waitedFor(1)).toEqual([2000, "cannot tell"]);
    for (let rcpt = 0; rcpt < 100; rcpt += 1) await expect(async () => about(1)).rejects.toThrow("is not waited for");
    expect(await waitedFor(9)).toEqual([0, []]);
    expect(await waitedFor(2)).toEqual([2000, "cannot tell"]);
    await pass(60_000);
    expect(await waitedFor(1)).toEqual([2000, "cannot tell"]);
  });

  it("is waited for about nothing after three in a row, and asked by one question at a time", async () => {
    for (const host of [1, 2, 3]) expect(await waitedFor(host)).toEqual([2000, "cannot tell"]);
    asked.length = 0;
    for (let mail = 0; mail < 10; mail += 1) await expect(async () => about(4)).rejects.toThrow("is not waited for");
    await expect(async () => about(9)).rejects.toThrow("is not waited for");
    expect(asked).toEqual(["4.2.0.192"]);
    await pass(2000);
    // Now it answers, and with the next question it is known.
    entries["5.2.0.192"] = ["127.0.0.4"];
    await expect(async () => about(5)).rejects.toThrow("is not waited for");
    await pass(1);
    expect(await waitedFor(5)).toEqual([0, ["127.0.0.4"]]);
    expect(await waitedFor(9)).toEqual([0, []]);
    expect(news).toEqual(["zen it gives no answer: none in time", "zen works again"]);
  });

  it("is waited for again after its test, or a minute without a question", async () => {
    for (const host of [1, 2, 3]) await waitedFor(host);
    await list.test();
    expect(await waitedFor(9)).toEqual([0, []]);
    for (const host of [1, 2, 3]) expect(await waitedFor(host)).toEqual([2000, "cannot tell"]);
    await pass(60_000);
    expect(await waitedFor(8)).toEqual([0, []]);
  });

  it("and refuses to at once is asked each time", async () => {
    entries["1.2.0.192"] = "fails";
    for (let mail = 0; mail < 5; mail += 1) expect(await waitedFor(1)).toEqual([0, "cannot tell"]);
    entries["1.2.0.192"] = ["127.0.0.2"];
    expect(await waitedFor(1)).toEqual([0, ["127.0.0.2"]]);
  });
});

describe("the test points", () => {
  it("are asked before anything is believed, then once an hour, and not for mails", async () => {
    const list = open();
    expect(await Promise.all([list.codes("192.0.2.1"), list.codes("192.0.2.2")])).toEqual([[], []]);
    const points = asked.slice(0, 3);
    expect(points).toEqual(["2.0.0.127", "1.0.0.127", expect.stringMatching(/^1\.0\.0\.0\.0\.0\.f\.7\.f\.f\.f\.f\.(0\.){19}0$/)]);
    expect(asked.slice(3)).toEqual(["1.2.0.192", "2.2.0.192"]);
    asked.length = 0;
    await pass(3_599_999);
    list.testWhenDue();
    await list.codes("192.0.2.1");
    expect(asked).toEqual(["1.2.0.192"]);
    await pass(1);
    for (let second = 0; second < 3; second += 1) list.testWhenDue();
    expect(asked.slice(1)).toEqual(points);
  });

  it.each([
    ["client", "1.0.0.127", "127.0.0.1"],
    ["client", "1.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0", "::FFFF:7F00:1"],
    ["sender", "invalid", "INVALID"],
  ] as const)("a list of a %s that lists %s is switched off until it is well", async (of, name, about) => {
    const list = open({ of });
    const subject = of === "client" ? "192.0.2.1" : "a.example";
    const below = of === "client" ? "1.2.0.192" : subject;
    entries[name] = ["127.0.0.2"];
    entries[below] = ["127.0.0.2"];
    await expect(async () => list.codes(subject)).rejects.toThrow(TemporaryError);
    expect(asked).not.toContain(below);
    expect(news).toEqual([`zen it is switched off: it lists ${about}, as a list does that lists everything`]);
    await pass(3_600_000);
    await expect(list.test()).rejects.toThrow(TemporaryError);
    expect(news.length).toBe(1);
    delete entries[name];
    await pass(3_600_000);
    await list.test();
    expect(news.slice(1)).toEqual(["zen works again"]);
    expect(await list.codes(subject)).toEqual(["127.0.0.2"]);
  });

  it("a list without its own is reported, and asked all the same", async () => {
    delete entries["2.0.0.127"];
    entries["1.2.0.192"] = ["127.0.0.3"];
    const list = await tested();
    expect(news).toEqual([expect.stringContaining("it does not list 127.0.0.2")]);
    expect(await list.codes("192.0.2.1")).toEqual(["127.0.0.3"]);
  });

  it("that cannot be told switch nothing, and are asked again after a minute", async () => {
    entries["1.0.0.127"] = "fails";
    entries["1.2.0.192"] = ["127.0.0.3"];
    const list = await tested();
    expect(await list.codes("192.0.2.1")).toEqual(["127.0.0.3"]);
    delete entries["1.0.0.127"];
    asked.length = 0;
    await pass(60_000);
    for (let second = 0; second < 3; second += 1) list.testWhenDue();
    expect(asked).toEqual(["1.0.0.127"]);
    expect(news).toEqual([]);
  });

  const mapped = "1.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0";
  it.each<[forbidden: string, other: string, answer: "fails" | "silence" | string[]]>([
    ["1.0.0.127", mapped, "fails"],
    ["1.0.0.127", mapped, "silence"],
    ["1.0.0.127", mapped, ["127.255.255.254"]],
    ["1.0.0.127", "2.0.0.127", "fails"],
    [mapped, "1.0.0.127", "fails"],
    [mapped, "2.0.0.127", ["192.0.2.80"]],
  ])("a list that lists %s is switched off, whatever it says of %s: %j", async (forbidden, other, answer) => {
    Object.assign(entries, { [forbidden]: ["127.0.0.2"], [other]: answer, "1.2.0.192": ["127.0.0.2"] });
    const list = open();
    await expect(clock.until(list.test())).rejects.toThrow("it is switched off");
    expect(() => list.codes("192.0.2.1")).toThrow("it is switched off");
    asked.length = 0;
    for (let minute = 0; minute < 5; minute += 1) {
      await pass(60_000);
      list.testWhenDue();
      await pass(3000);
    }
    expect(new Set(asked)).toEqual(new Set([other]));
    expect(() => list.codes("192.0.2.1")).toThrow("it is switched off");
    expect(news).toEqual([expect.stringContaining("it is switched off")]);
    // What has no answer now was said before.
    Object.assign(entries, well, { [forbidden]: "fails" });
    await clock.until(list.test()).catch(() => {});
    expect(() => list.codes("192.0.2.1")).toThrow("it is switched off");
    delete entries[forbidden];
    entries[other] = well[other] ?? [];
    await list.test();
    expect(await list.codes("192.0.2.1")).toEqual(["127.0.0.2"]);
    expect(news.slice(1)).toEqual(["zen works again"]);
  });

  it("none of which has an answer are reported once, also of a list that answers about clients", async () => {
    for (const name of ["2.0.0.127", "1.0.0.127", mapped]) entries[name] = "fails";
    const list = await tested();
    for (let minute = 0; minute < 5; minute += 1) {
      await list.codes("192.0.2.1");
      await pass(60_000);
      list.testWhenDue();
    }
    expect(asked.length).toBe(20);
    expect(news).toEqual(["zen it gives no answer: EREFUSED", "zen works again"]);
  });

  it("that are answered by an error are reported until none is", async () => {
    for (const name of ["2.0.0.127", "1.0.0.127"]) entries[name] = ["127.255.255.254"];
    const list = await tested();
    await list.codes("192.0.2.1");
    entries["2.0.0.127"] = ["127.0.0.2"];
    await pass(60_000);
    list.testWhenDue();
    await pass(1);
    expect(news).toEqual([expect.stringContaining("it answers 127.255.255.254")]);
    delete entries["1.0.0.127"];
    await pass(60_000);
    list.testWhenDue();
    await pass(1);
    expect(news.slice(1)).toEqual(["zen works again"]);
  });

  it("are asked again each hour, also if one never has an answer", async () => {
    entries[mapped] = "fails";
    const list = await tested();
    for (let minute = 0; minute < 60; minute += 1) {
      await pass(60_000);
      list.testWhenDue();
    }
    expect(asked.filter((name) => name === "1.0.0.127").length).toBe(1);
    expect(asked.filter((name) => name === mapped).length).toBe(60);
    expect(news).toEqual([]);
  });
});

it("the zone, which may hold a key, is in nothing that a list says", async () => {
  const answer = fc.oneof(
    fc.constantFrom("fails", "silence"),
    fc.uniqueArray(fc.ipV4(), { maxLength: 3 }),
    fc.constantFrom(["127.0.0.2"], ["127.255.255.254"], []),
  );
  const names = ["2.0.0.127", "1.0.0.127", "1.2.0.192"];
  await fc.assert(
    fc.asyncProperty(fc.array(answer, { minLength: 3, maxLength: 3 }), async (answers) => {
      entries = Object.fromEntries(names.map((name, index) => [name, answers[index] as "fails"]));
      news = [];
      clock = new VirtualClock();
      const said = await clock
        .until((async () => open().codes("192.0.2.1"))())
        .then(String, (error: Error) => [error.message, error.stack, JSON.stringify(error.cause)].join());
      expect(`${said} ${news.join()}`).not.toContain(key);
    }),
    { numRuns: 60 },
  );
});
