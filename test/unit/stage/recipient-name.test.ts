/** One recipient has one name after resolution, however it is spelled and wherever its mail goes: throttles, the greylist and its exceptions ask by it. */
import { describe, expect, test } from "vitest";
import type { DomainSettings, Settings } from "../../../src/stage/stage-settings.ts";
import { MemoryState } from "../../../src/state/memory.ts";
import { session } from "../../support/session.ts";
import { greylist, rule, settings } from "../../support/settings.ts";
import { directoryOf, type FakeDirectory, sourcesOf } from "../../support/sources.ts";
import { askRcpt } from "../../support/stages.ts";

const members = ["john@example.org", "jane@example.org"];
const entries = {
  "john@example.org": "john@example.org",
  "jane@example.org": "jane@example.org",
  "j@example.org": "john@example.org",
  "abuse@example.org": "john@example.org",
  "team@example.org": members,
  "few@example.org": ["john@example.org"],
  "nobody@example.org": [],
  "@catch.example": "john@example.org",
  "@all.example": members,
  "bill@catch.example": "bill@catch.example",
};

/** An account of its own, and that of another; the address is the first of neither, or of one. */
const shared: FakeDirectory = {
  ...directoryOf(entries),
  recipient: (address) =>
    address === "desk@example.org" ? { kind: "mailbox", primaries: members } : directoryOf(entries).recipient(address),
};
const table = (more: Parameters<typeof directoryOf>[0] = {}): FakeDirectory => ({
  ...directoryOf({ ...entries, ...more }),
  forwards: true,
});

const organisation: DomainSettings = {
  name: "example.org",
  directory: undefined,
  subAddressing: undefined,
  catchAllAddress: undefined,
  allowRelaying: false,
};
const domains = new Map([
  ["example.org", organisation],
  ["alias.example", organisation],
]);

interface World {
  readonly rcpt?: Partial<Settings["rcpt"]>;
  readonly directory?: FakeDirectory;
  readonly exempt?: string;
  readonly state?: MemoryState;
}

/** What a throttle and the greylist were asked about. */
async function askedOf(recipient: string, { rcpt = {}, directory = directoryOf(entries), exempt, state = new MemoryState() }: World = {}) {
  const asked: string[] = [];
  const core = {
    settings: settings({
      domains,
      throttles: {
        rcpt: [
          {
            ...{ id: "t", name: "t", title: "t", match: rule("true"), key: ["rcpt"], ipv6Prefix: 64, count: 100, periodMs: 1000 },
            ...{ window: "fixed", mode: "enforce", counts: "recipients", onStoreFailure: "accept" },
          },
        ],
      },
      rcpt: { greylist: greylist({ enable: rule("true"), correspondentsMs: 1000 }), ...rcpt },
    }),
    sources: sourcesOf(
      [directory],
      {},
      {},
      { state, exemptions: { client: () => false, recipient: (address) => address === exempt }, now: () => 0 },
    ),
    trace: ({ step, asked: about }: { readonly step: string; readonly asked: string }) => {
      if (step === "throttle t") asked.push(`throttle ${/"(.*)"/.exec(about)?.[1]}`);
      if (step === "greylist") asked.push(`greylist ${about.split(" ").at(-1)}`);
    },
  };
  const { verdict } = await askRcpt(session({ sender: "a@b.example" }), recipient, core);
  return { asked, reason: verdict.reason };
}

const primary = { rcpt: { aliases: "primary" } } as const;
const keep = { rcpt: { subAddressingDelivery: "keep" } } as const;
const toTeam = { rcpt: { catchAll: rule("'team@example.org'") } };

describe("the name of", () => {
  test.each<[string, string, World, string]>([
    ["a mailbox", "John@example.org", {}, "john@example.org"],
    ["a mailbox with a tag", "john+x@example.org", {}, "john@example.org"],
    ["a mailbox at an alias of its domain", "john+x@alias.example", {}, "john@example.org"],
    ["a mailbox that gets its tags", "john+x@example.org", keep, "john@example.org"],
    ["an alias", "j+x@alias.example", {}, "j@example.org"],
    ["an alias that gets its tags", "j+x@alias.example", keep, "j@example.org"],
    ["an alias that is followed", "j@example.org", primary, "john@example.org"],
    [
      "an alias that is followed, with a tag that is kept",
      "j+x@example.org",
      { rcpt: { ...primary.rcpt, ...keep.rcpt } },
      "john@example.org",
    ],
    ["an alias of several accounts", "desk+x@alias.example", { ...primary, directory: shared }, "desk@example.org"],
    ["an alias of several accounts that is kept", "desk+x@alias.example", { ...keep, directory: shared }, "desk@example.org"],
    ["a list", "team@example.org", {}, "team@example.org"],
    ["a list with a tag", "team+x@example.org", {}, "team@example.org"],
    ["a list at an alias of its domain", "team@alias.example", {}, "team@example.org"],
    ["a list with a tag there", "team+x@alias.example", keep, "team@example.org"],
    ["a list of one", "few+x@example.org", {}, "few@example.org"],
    ["a list of nobody", "nobody+x@example.org", {}, "nobody@example.org"],
    ["what a catch-all takes", "any@catch.example", {}, "john@example.org"],
    ["what a catch-all of several takes", "any@all.example", {}, "any@all.example"],
    ["what a list takes as a catch-all", "any@example.org", toTeam, "team@example.org"],
    ["what a domain has as its catch-all", "any@own.example", {}, "info@elsewhere.example"],
    ["an alias in a table", "j+x@alias.example", { ...primary, directory: table() }, "john@example.org"],
    [
      "an alias of a list in a table",
      "all@example.org",
      { ...primary, directory: table({ "all@example.org": "team+x@example.org" }) },
      "team@example.org",
    ],
    ["a list of aliases in a table", "team+x@example.org", { ...primary, directory: table() }, "team@example.org"],
    [
      "an alias elsewhere in a table",
      "away@example.org",
      { ...primary, directory: table({ "away@example.org": "a+b@c.example" }) },
      "a+b@c.example",
    ],
    [
      "an alias in a table to an address that gets its tags",
      "tag@example.org",
      { rcpt: { ...primary.rcpt, ...keep.rcpt }, directory: table({ "tag@example.org": "john+x@example.org" }) },
      "john@example.org",
    ],
    ["postmaster", "postmaster", {}, "postmaster"],
  ])("%s: %s", async (_what, recipient, world, name) => {
    domains.set("own.example", { ...organisation, name: "own.example", catchAllAddress: "info@elsewhere.example" });
    const { asked } = await askedOf(recipient, world);
    expect(asked).toEqual([`throttle ${name}`, `greylist ${name}`]);
  });
});

const spellings = ["john@alias.example", "john+x@alias.example", "team@alias.example", "team+x@example.org", "j+x@alias.example"];

describe("an exemption holds for every spelling", () => {
  test.each([
    ["john@example.org", ["mailbox", "sub-address", "greylisted", "greylisted", "sub-address"]],
    ["team@example.org", ["greylisted", "greylisted", "list", "sub-address", "greylisted"]],
    ["j@example.org", ["greylisted", "greylisted", "greylisted", "greylisted", "sub-address"]],
    ["team+x@example.org", ["greylisted", "greylisted", "greylisted", "sub-address", "greylisted"]],
  ])("of %s", async (exempt, expected) => {
    const reasons: string[] = [];
    for (const recipient of spellings) reasons.push((await askedOf(recipient, { ...primary, exempt })).reason);
    expect(reasons).toEqual(expected);
  });

  test.each([
    "abuse@example.org",
    "abuse@alias.example",
    "abuse+x@alias.example",
  ])("of %s, whatever the directory says", async (recipient) => {
    expect((await askedOf(recipient, primary)).reason).toMatch(/^alias|sub-address$/);
  });
});

test.each([
  ["john@example.org", ["correspondent", "correspondent", "greylisted", "greylisted", "correspondent"]],
  ["team@example.org", ["greylisted", "greylisted", "correspondent", "correspondent", "greylisted"]],
  ["j@example.org", ["greylisted", "greylisted", "greylisted", "greylisted", "correspondent"]],
])("who was written to from %s may answer to every spelling", async (sender, expected) => {
  const state = new MemoryState();
  const core = {
    settings: settings({ rcpt: { greylist: greylist({ correspondentsMs: 1000 }) } }),
    sources: sourcesOf([directoryOf(entries)], {}, {}, { state, now: () => 0 }),
  };
  await askRcpt(session({ sender, login: "john" }), "a@b.example", core);
  const reasons: string[] = [];
  for (const recipient of spellings) reasons.push((await askedOf(recipient, { ...primary, state })).reason);
  expect(reasons).toEqual(expected);
});
