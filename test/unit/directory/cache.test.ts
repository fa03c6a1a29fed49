import { beforeEach, describe, expect, it } from "vitest";
import { TemporaryError, UnusableAnswer } from "../../../src/answer/temporary-error.ts";
import { cached } from "../../../src/directory/cache.ts";
import type { Directory, Recipient } from "../../../src/stage/sources.ts";

const settings = { entries: 100, positiveMs: 1000, negativeMs: 100, staleMs: 10_000 };
const mailbox = (address: string): Recipient => ({ kind: "mailbox", primaries: [address] });

/** A directory that can be taken down, and counts what it is asked. */
class Backend implements Directory {
  readonly name = "backend";
  readonly waits = true;
  readonly recipients = new Map<string, Recipient>([["john@a.example", mailbox("john@a.example")]]);
  readonly domains = new Set(["a.example"]);
  readonly unusable = new Set<string>();
  asked = 0;
  isDown = false;

  async recipient(address: string): Promise<Recipient | undefined> {
    this.asked += 1;
    if (this.isDown) throw new TemporaryError("down");
    if (this.unusable.has(address)) throw new UnusableAnswer("several entries");
    return this.recipients.get(address);
  }
  async isLocalDomain(domain: string): Promise<boolean> {
    this.asked += 1;
    if (this.isDown) throw new TemporaryError("down");
    return this.domains.has(domain);
  }
  async verify(): Promise<readonly string[]> {
    return [];
  }
  async expand(): Promise<undefined> {}
}

let backend: Backend;
let time: number;
let directory: Directory;
beforeEach(() => {
  backend = new Backend();
  time = 0;
  directory = cached(backend, settings, () => time);
});

const john = mailbox("john@a.example");

/** Moments at which the back end is asked again. */
const lives: [what: string, ask: () => unknown, at: number, asked: number][] = [
  ["mailbox", () => directory.recipient("john@a.example"), 999, 1],
  ["mailbox", () => directory.recipient("john@a.example"), 1000, 2],
  ["unknown address", () => directory.recipient("x@a.example"), 99, 1],
  ["unknown address", () => directory.recipient("x@a.example"), 100, 2],
  ["domain", () => directory.isLocalDomain("a.example"), 999, 1],
  ["domain", () => directory.isLocalDomain("a.example"), 1000, 2],
  ["foreign domain", () => directory.isLocalDomain("b.example"), 99, 1],
  ["foreign domain", () => directory.isLocalDomain("b.example"), 100, 2],
];

describe("cache", () => {
  it.each(lives)("%s at %#: asked again only when its time is over", async (_, ask, at, asked) => {
    const first = await ask();
    time = at;
    expect(await ask()).toEqual(first);
    expect(backend.asked).toBe(asked);
  });

  it.each<[string, (index: number) => readonly [string, Recipient]]>([
    ["tags of one mailbox", (index) => [`john+${index}@a.example`, mailbox(`john+${index}@a.example`)]],
    ["tags of an alias", (index) => [`j+${index}@a.example`, mailbox("john@a.example")]],
    ["addresses of a domain with a row of its own", (index) => [`x${index}@a.example`, { ...mailbox("john@a.example"), byDomain: true }]],
  ])("%s push out no known mailbox, and are served stale, too", async (_, madeUp) => {
    backend.recipients.set("mary@a.example", mailbox("mary@a.example"));
    await directory.recipient("john@a.example");
    await directory.recipient("mary@a.example");
    const strangers = Array.from({ length: 1000 }, (__, index) => madeUp(index));
    for (const [address, recipient] of strangers) {
      backend.recipients.set(address, recipient);
      await directory.recipient(address);
    }
    time = 5000;
    backend.isDown = true;
    expect(await directory.recipient("john@a.example")).toEqual(john);
    expect(await directory.recipient("mary@a.example")).toEqual(mailbox("mary@a.example"));
    const [last, recipient] = strangers.at(-1) ?? [];
    expect(await directory.recipient(last ?? "")).toEqual(recipient);
  });

  it("answers a hit without a promise", async () => {
    await directory.recipient("john@a.example");
    await directory.recipient("x@a.example");
    expect(directory.recipient("john@a.example")).toEqual(john);
    expect(directory.recipient("x@a.example")).toBe(undefined);
  });

  it.each<Recipient>([
    john,
    mailbox("jane@b.example"),
    { ...john, byDomain: true },
    { kind: "list", members: ["john@a.example"] },
    { kind: "list", members: ["john@a.example"], byDomain: true },
  ])("keeps all that is known of an address: %o", async (recipient) => {
    backend.recipients.set("john@a.example", recipient);
    expect([await directory.recipient("john@a.example"), await directory.recipient("john@a.example")]).toEqual([recipient, recipient]);
  });

  it("asks once for equal questions under way", async () => {
    const answers = await Promise.all(Array.from({ length: 10 }, () => directory.recipient("john@a.example")));
    expect(answers).toEqual(answers.map(() => john));
    expect(backend.asked).toBe(1);
  });

  it("keeps no error", async () => {
    backend.isDown = true;
    await expect(Promise.resolve(directory.recipient("john@a.example"))).rejects.toThrow(TemporaryError);
    backend.isDown = false;
    expect(await directory.recipient("john@a.example")).toEqual(john);
  });

  it("serves a positive answer while the back end is down, for so long and not longer", async () => {
    await directory.recipient("john@a.example");
    await directory.isLocalDomain("a.example");
    backend.isDown = true;
    time = 10_999;
    expect(await directory.recipient("john@a.example")).toEqual(john);
    expect(await directory.isLocalDomain("a.example")).toBe(true);
    time = 11_000;
    await expect(Promise.resolve(directory.recipient("john@a.example"))).rejects.toThrow(TemporaryError);
  });

  it("never serves a negative answer past its time", async () => {
    await directory.recipient("x@a.example");
    backend.isDown = true;
    time = 100;
    await expect(Promise.resolve(directory.recipient("x@a.example"))).rejects.toThrow(TemporaryError);
  });

  it("asks a back end that is down once a second for what it has a stale answer to", async () => {
    await directory.recipient("john@a.example");
    backend.isDown = true;
    time = 5000;
    await directory.recipient("john@a.example");
    expect(directory.recipient("john@a.example")).toEqual(john);
    time = 5999;
    expect(directory.recipient("john@a.example")).toEqual(john);
    expect(backend.asked).toBe(2);
    time = 6000;
    backend.isDown = false;
    backend.recipients.delete("john@a.example");
    expect(await directory.recipient("john@a.example")).toBe(undefined);
  });

  it("asks a back end that works, though it cannot tell of another address", async () => {
    await directory.recipient("john@a.example");
    backend.recipients.delete("john@a.example");
    backend.unusable.add("list@a.example");
    time = 5000;
    await expect(Promise.resolve(directory.recipient("list@a.example"))).rejects.toThrow(UnusableAnswer);
    expect(await directory.recipient("john@a.example")).toBe(undefined);
  });

  it("keeps nothing with no entries, but asks once for equal questions under way", async () => {
    const none = cached(backend, { ...settings, entries: 0 }, () => time);
    expect(await Promise.all([none.recipient("john@a.example"), none.recipient("john@a.example")])).toEqual([john, john]);
    expect(await none.recipient("john@a.example")).toEqual(john);
    expect(backend.asked).toBe(2);
  });

  it("holds no more than its entries, and counts a list for more than one", async () => {
    const list: Recipient = { kind: "list", members: Array.from({ length: 2050 }, (_, index) => `member${index}@a.example`) };
    backend.recipients.set("list@a.example", list);
    for (let number = 0; number < 60; number++) backend.recipients.set(`x${number}@a.example`, mailbox(`x${number}@a.example`));
    await directory.recipient("john@a.example");
    await directory.recipient("list@a.example");
    expect(await directory.recipient("list@a.example")).toEqual(list);
    expect(backend.asked).toBe(2);
    for (let number = 0; number < 60; number++) await directory.recipient(`x${number}@a.example`);
    await directory.recipient("x59@a.example");
    expect(backend.asked).toBe(62);
    await directory.recipient("john@a.example");
    expect(backend.asked).toBe(63);
  });

  it.each([
    ["addresses", (name: string) => directory.recipient(`${name}@a.example`)],
    ["domains", (name: string) => directory.isLocalDomain(`${name}.a.example`)],
  ])("serves known %s through an outage, however many unknown ones were asked before it", async (_, ask) => {
    const known = Array.from({ length: 50 }, (__, number) => `known${number}`);
    for (const name of known) {
      backend.recipients.set(`${name}@a.example`, mailbox(`${name}@a.example`));
      backend.domains.add(`${name}.a.example`);
      await ask(name);
    }
    for (let number = 0; number < 1000; number++) await ask(`made-up${number}`);
    backend.isDown = true;
    time = 5000;
    for (const name of known) expect(await ask(name)).toBeTruthy();
  });

  it("does not serve through an outage what was taken out before it", async () => {
    await directory.recipient("john@a.example");
    backend.recipients.delete("john@a.example");
    time = 1000;
    expect(await directory.recipient("john@a.example")).toBe(undefined);
    backend.isDown = true;
    time = 2000;
    await expect(Promise.resolve(directory.recipient("john@a.example"))).rejects.toThrow(TemporaryError);
  });

  it("keeps no answer about what is too long for an address", async () => {
    const long = `${"x".repeat(30_000)}@a.example`;
    await directory.recipient(long);
    expect(await directory.recipient(long)).toBe(undefined);
    expect(backend.asked).toBe(2);
  });
});
