import { expect, test } from "vitest";
import type { TraceEntry } from "../../../src/stage/core.ts";
import type { Account } from "../../../src/stage/sources.ts";
import { session } from "../../support/session.ts";
import { rule, settings } from "../../support/settings.ts";
import { directoryOf, sourcesOf } from "../../support/sources.ts";
import { askMail } from "../../support/stages.ts";

const entries = {
  "john@example.org": "john@example.org",
  "info@example.org": "sales@example.org",
  "sales@example.org": "john@example.org",
  "copied@example.org": ["copied@example.org", "archive@example.org"],
} as const;

function worldOf({ knowsAccounts = true, down = false } = {}) {
  const directory = directoryOf(entries, { waits: true });
  directory.down = down;
  const account = (): Account | undefined => undefined;
  const trace: TraceEntry[] = [];
  const sources = sourcesOf([knowsAccounts ? { ...directory, account } : directory]);
  const core = {
    settings: settings({ auth: { mustMatchSender: rule("true") } }),
    sources,
    trace: (entry: TraceEntry) => trace.push(entry),
  };
  const decide = async (login: string, sender: string) => (await askMail(session({ login }), sender, core)).verdict;
  return { decide, trace };
}

test.each([
  ["through one table after the other", "john@example.org", "info@example.org", "pass"],
  ["by any address on the way", "info@example.org", "sales@example.org", "pass"],
  ["as itself, though its mail is copied", "copied@example.org", "copied@example.org", "pass"],
  ["not as what its mail is copied to", "copied@example.org", "archive@example.org", "sender-not-owned"],
])("an account sends %s", async (_, login, sender, reason) => {
  expect(await worldOf().decide(login, sender)).toMatchObject({ reason });
});

test.each([
  ["is away", { down: true }],
  ["does not know accounts", { knowsAccounts: false }],
])("a directory that %s defers", async (_, options) => {
  const reply = { code: 451, status: "4.4.3" };
  expect(await worldOf(options).decide("john@example.org", "john@example.org")).toMatchObject({
    kind: "defer",
    reason: "unavailable",
    reply,
  });
  expect(await worldOf(options).decide("", "john@example.org")).toMatchObject({ kind: "pass" });
  expect(await worldOf(options).decide("john@example.org", "")).toMatchObject({ kind: "pass" });
});

test.each([
  ["JSmith", "JSmith"],
  ["John@Example.ORG", "John@Example.ORG"],
  ["J.Smith@Alias.example", "J.Smith@example.org"],
])("a directory is asked for the login as it was given: %s", async (login, name) => {
  const asked: string[] = [];
  const account = (each: string): Account => {
    asked.push(each);
    return { addresses: [], senders: ["john@example.org"] };
  };
  const alias = { name: "example.org", directory: undefined, subAddressing: undefined, catchAllAddress: undefined, allowRelaying: false };
  const core = {
    settings: settings({ auth: { mustMatchSender: rule("true") }, domains: new Map([["alias.example", alias]]) }),
    sources: sourcesOf([{ ...directoryOf(entries), account }]),
  };
  expect(await askMail(session({ login }), "john@example.org", core)).toMatchObject({ verdict: { reason: "pass" } });
  expect(asked).toEqual([name]);
});

test("explain says what the login has, and whether that will do", async () => {
  const { decide, trace } = worldOf();
  expect(await decide("john@example.org", "copied@example.org")).toMatchObject({
    kind: "reject",
    reply: { code: 501, status: "5.5.4", text: "You are not allowed to send from this address." },
  });
  expect(trace.at(0)).toEqual({ step: "directory accounts", asked: "account john@example.org", answer: "no name of an account" });
  expect(trace.at(-1)).toEqual({ step: "must-match-sender", asked: "copied@example.org by john@example.org", answer: "does not own it" });
});
