/** Greylisting as a client meets it: what it is answered when it comes, and comes again. */
import { describe, expect, test } from "vitest";
import { TemporaryError } from "../../../src/answer/temporary-error.ts";
import { formatReply } from "../../../src/mail/reply.ts";
import type { Header } from "../../../src/stage/admission.ts";
import { admitRecipient, beginTransaction, openSession } from "../../../src/stage/session.ts";
import type { Exemptions } from "../../../src/stage/sources.ts";
import type { GreylistSettings } from "../../../src/stage/stage-settings.ts";
import type { State } from "../../../src/stage/state.ts";
import { MemoryState } from "../../../src/state/memory.ts";
import { greylist, rule, settings } from "../../support/settings.ts";
import { directoryOf, sourcesOf } from "../../support/sources.ts";
import { askRcpt } from "../../support/stages.ts";

const entries = {
  "john@example.org": "john@example.org",
  "j@example.org": "john@example.org",
  "jane@example.org": "jane@example.org",
  "abuse@example.org": "john@example.org",
  "doe@example.org": "doe@example.org",
  "team@example.org": ["jane@example.org"],
} as const;

const seconds = 1000;
const minutes = 60 * seconds;
const hours = 60 * minutes;
const days = 24 * hours;

interface Client {
  readonly address?: string | undefined;
  readonly name?: string;
  readonly login?: string;
  readonly trusted?: boolean;
}

interface World {
  readonly changes?: Partial<GreylistSettings>;
  readonly state?: State;
  readonly exemptions?: Partial<Exemptions>;
  readonly reply?: string;
}

const noExemptions: Exemptions = { client: () => false, recipient: () => false };

/** Each message is a session of its own; the answer is a reason for a pass, or the reply. */
function world({ changes = {}, state = new MemoryState(), exemptions = {}, reply: text }: World = {}) {
  const clock = { now: Date.UTC(2026, 10, 22, 12) };
  const base = settings({ rcpt: { greylist: greylist({ enable: rule("true", "rcpt"), ...changes }) } });
  const { replies } = base.rcpt;
  const core = {
    settings:
      text === undefined ? base : { ...base, rcpt: { ...base.rcpt, replies: { ...replies, greylisted: { ...replies.greylisted, text } } } },
    sources: sourcesOf(
      [directoryOf(entries)],
      {},
      {},
      {
        state,
        exemptions: { ...noExemptions, ...exemptions },
        now: () => clock.now,
      },
    ),
  };
  async function message(sender: string, recipients: readonly string[], client: Client = {}) {
    const { address = "203.0.113.9", name = "", login = "", trusted = false } = client;
    const known = "address" in client ? client.address : address;
    const session = openSession(
      {
        listener: "smtp",
        client: { address: known, name, port: 4321 },
        server: { address: "192.0.2.1", port: 25 },
        trusted,
      },
      login,
    );
    beginTransaction(session, sender);
    const answers: string[] = [];
    const headers: Header[] = [];
    for (const recipient of recipients) {
      const { verdict, admission } = await askRcpt(session, recipient, core);
      if (admission && session.transaction) admitRecipient(session.transaction, admission);
      headers.push(...(admission?.headers ?? []));
      answers.push(verdict.kind === "pass" ? verdict.reason : formatReply(verdict.reply));
    }
    return { answers, headers };
  }
  return {
    clock,
    message,
    async from(client: Client, sender = "a@client.example", recipient = "john@example.org") {
      return (await message(sender, [recipient], client)).answers[0];
    },
  };
}

const wait = "451 4.7.1 Greylisted, please try again in a few moments.";

test("a first attempt waits, so does a retry that comes early, and then it passes", async () => {
  const { clock, from } = world();
  const answers: (string | undefined)[] = [];
  for (const ms of [0, 5 * minutes - 1, 1, 1]) {
    clock.now += ms;
    answers.push(await from({}));
  }
  expect(answers).toEqual([wait, wait, "greylist-passed", "mailbox"]);
});

test("after the retry window it begins again", async () => {
  const { clock, from } = world();
  expect(await from({})).toBe(wait);
  clock.now += 2 * days + 1;
  expect(await from({})).toBe(wait);
});

test("a passed entry lives for its lifetime since it was last seen", async () => {
  const { clock, from } = world();
  await from({});
  for (const ms of [5 * minutes, 30 * days, 30 * days]) {
    clock.now += ms;
    expect(await from({})).toMatch(/greylist-passed|mailbox/);
  }
  clock.now += 35 * days + 1;
  expect(await from({})).toBe(wait);
});

describe("a retry of", () => {
  const first = { address: "203.0.113.9", name: "out1.pool.example.net" };
  const anonymous = { address: "203.0.113.9" };
  test.each<[string, Client, Client, string, string, string, string, boolean]>([
    [
      "another host of its organisation",
      first,
      { address: "198.51.100.7", name: "out2.example.net" },
      "a@x.example",
      "a@x.example",
      "john@example.org",
      "john@example.org",
      true,
    ],
    [
      "another address of its network",
      anonymous,
      { address: "203.0.113.200" },
      "a@x.example",
      "a@x.example",
      "john@example.org",
      "john@example.org",
      true,
    ],
    ["another network", anonymous, { address: "203.0.114.9" }, "a@x.example", "a@x.example", "john@example.org", "john@example.org", false],
    ["another sender", anonymous, anonymous, "a@x.example", "b@x.example", "john@example.org", "john@example.org", false],
    ["a sender that only counts on", anonymous, anonymous, "n-1@x.example", "n-2@x.example", "john@example.org", "john@example.org", true],
    ["another recipient", anonymous, anonymous, "a@x.example", "a@x.example", "john@example.org", "jane@example.org", false],
    ["the recipient with a tag", anonymous, anonymous, "a@x.example", "a@x.example", "john@example.org", "john+x@example.org", true],
    ["an alias, which is another address", anonymous, anonymous, "a@x.example", "a@x.example", "john@example.org", "j@example.org", false],
    ["a list of one is not its member", anonymous, anonymous, "a@x.example", "a@x.example", "team@example.org", "jane@example.org", false],
    ["the null sender", anonymous, anonymous, "", "", "john@example.org", "john@example.org", true],
  ])("%s", async (_, client, again, sender, senderAgain, recipient, recipientAgain, passes) => {
    const { clock, from } = world();
    expect(await from(client, sender, recipient)).toBe(wait);
    clock.now += 6 * minutes;
    expect(await from(again, senderAgain, recipientAgain)).toBe(passes ? "greylist-passed" : wait);
  });
});

describe("never greylisted", () => {
  test.each<[string, Client, string]>([
    ["a trusted client", { trusted: true }, "john@example.org"],
    ["an authenticated client", { login: "john" }, "john@example.org"],
    ["a client that the MTA does not know", { address: undefined }, "john@example.org"],
    ["postmaster", {}, "postmaster@example.org"],
    ["postmaster without a domain", {}, "postmaster"],
    ["abuse, though it is an alias", {}, "abuse@example.org"],
  ])("%s", async (_, client, recipient) => {
    const { from } = world();
    expect(await from(client, "a@x.example", recipient)).not.toBe(wait);
    expect(await from({}, "a@x.example", "john@example.org")).toBe(wait);
  });

  test("whoever is exempt", async () => {
    const exemptions = {
      client: (address: string, name: string) => address === "203.0.113.7" || name === "mx.example.net",
      recipient: (address: string) => address === "jane@example.org" || address === "j@example.org",
    };
    const { from } = world({ exemptions });
    expect(await from({ address: "203.0.113.7" })).toBe("mailbox");
    expect(await from({ name: "mx.example.net" })).toBe("mailbox");
    expect(await from({}, "a@x.example", "jane@example.org")).toBe("mailbox");
    expect(await from({}, "a@x.example", "j@example.org")).toBe("alias");
    expect(await from({})).toBe(wait);
  });

  test("whoever the setting does not name, and a recipient that is refused", async () => {
    const { from } = world({ changes: { enable: rule("rcpt != 'jane@example.org'", "rcpt") } });
    expect(await from({}, "a@x.example", "jane@example.org")).toBe("mailbox");
    expect(await from({}, "a@x.example", "nobody@example.org")).toMatch(/^550 5\.1\.2 /);
    expect(await from({})).toBe(wait);
  });
});

test("an address that has passed often enough, at most once an hour, is asked to wait no longer", async () => {
  const { clock, from } = world({ changes: { autoWhitelist: 3 } });
  for (const [index, pause] of [2 * hours, 10 * minutes, 2 * hours].entries()) {
    clock.now += pause;
    expect(await from({}, `${"abc"[index]}@x.example`)).toBe(wait);
    clock.now += 6 * minutes;
    expect(await from({}, `${"abc"[index]}@x.example`)).toBe("greylist-passed");
  }
  // The second pass came within the hour of the first and did not count.
  expect(await from({}, "d@x.example")).toBe(wait);
  clock.now += 2 * hours;
  expect(await from({}, "d@x.example")).toBe("greylist-passed");
  expect(await from({}, "e@x.example")).toBe("mailbox");
  expect(await from({ address: "203.0.113.10" }, "e@x.example")).toBe(wait);
});

test("parity: sender and recipient alone, and an immediate retry passes", async () => {
  const { from } = world({ changes: { key: new Set(["sender", "rcpt"]), delayMs: 0, foldSenders: false } });
  expect(await from({}, "n-1@x.example")).toBe(wait);
  expect(await from({ address: "198.51.100.1" }, "n-1@x.example")).toBe("greylist-passed");
  expect(await from({}, "n-2@x.example")).toBe(wait);
});

test("the reply may say how long to wait", async () => {
  const { clock, from } = world({ reply: "Come again in {seconds} s, {seconds}." });
  expect(await from({})).toBe("451 4.7.1 Come again in 300 s, 300.");
  clock.now += 100_500;
  expect(await from({})).toBe("451 4.7.1 Come again in 200 s, 200.");
});

test("training remembers and refuses nothing", async () => {
  const { clock, from } = world({ changes: { training: true } });
  expect(await from({})).toBe("greylist-training");
  clock.now += 6 * minutes;
  expect(await from({})).toBe("greylist-passed");
  expect(await from({})).toBe("mailbox");
});

test("there is no header about a delay in training", async () => {
  const { clock, message } = world({ changes: { training: true, headerHost: "mx.example.org" } });
  await message("a@x.example", ["john@example.org"]);
  clock.now += 6 * minutes;
  expect(await message("a@x.example", ["john@example.org"])).toEqual({ answers: ["greylist-passed"], headers: [] });
});

test("one header a message, with its first pass", async () => {
  const recipients = ["john@example.org", "jane@example.org", "doe@example.org"];
  const { clock, message } = world({ changes: { headerHost: "mx.example.org" } });
  expect(await message("a@x.example", recipients)).toEqual({ answers: [wait, wait, wait], headers: [] });
  clock.now += 6 * minutes + 400;
  expect(await message("a@x.example", recipients)).toEqual({
    answers: ["greylist-passed", "greylist-passed", "greylist-passed"],
    headers: [{ name: "X-Greylist", value: "delayed 360 seconds by Postern at mx.example.org; Sun, 22 Nov 2026 12:06:00 +0000" }],
  });
  expect((await message("a@x.example", recipients)).headers).toEqual([]);
});

describe("while the store cannot tell", () => {
  const down = () => Promise.reject(new TemporaryError("down"));
  const state: State = { greylist: down, throttle: down, giveBack: down, remember: down, areCorrespondents: down };
  test.each([
    ["accept", "mailbox"],
    ["defer", "451 4.4.3 Unable to verify address at this time."],
  ] as const)("%s: %s", async (onStoreFailure, expected) => {
    expect(await world({ changes: { onStoreFailure }, state }).from({})).toBe(expected);
  });
});

test("what is remembered of a long text is bounded, and still its own", async () => {
  const state = new MemoryState();
  const { from } = world({ state });
  const long = (end: string) => `${"x".repeat(1000)}${end}@x.example`;
  expect(await from({}, long("a"))).toBe(wait);
  expect(await from({}, long("b"))).toBe(wait);
  const rows = await state.list({}, { limit: 10 });
  expect(rows.map(({ sender }) => sender.length <= 200)).toEqual([true, true]);
});
