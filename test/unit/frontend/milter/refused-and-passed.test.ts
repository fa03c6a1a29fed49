/** What is refused and passes all the same: the MTA has it, so it goes where it would go if nothing had refused it. */
import { describe, expect, test } from "vitest";
import { TemporaryError } from "../../../../src/answer/temporary-error.ts";
import type { Denial, Rule, Throttle } from "../../../../src/stage/stage-settings.ts";
import type { State } from "../../../../src/stage/state.ts";
import { type World, world } from "../../../support/mail-domain.ts";
import { connect, envelope, helo, Mta, milterWorld } from "../../../support/milter-mta.ts";
import { scriptsOf } from "../../../support/scripts.ts";
import { type Changes, greylist, rule } from "../../../support/settings.ts";
import { sourcesOf } from "../../../support/sources.ts";

const cannotTell: Rule = {
  waits: false,
  variables: new Set<string>(),
  constant: undefined,
  evaluate: () => {
    throw new TemporaryError("down");
  },
};

const denial = (rule: Rule): Denial => ({
  mode: "enforce",
  title: "deny",
  if: rule,
  reply: { code: 450, status: "4.7.1", parts: ["No."] },
});

const throttle: Throttle = {
  ...{ id: "one", name: "t", title: "1/1h", match: rule("true"), key: ["remote_ip"], ipv6Prefix: 64, count: 1, periodMs: 3_600_000 },
  ...{ window: "fixed", mode: "enforce", counts: "recipients", onStoreFailure: "defer" },
};

interface Case {
  readonly changes?: Changes;
  readonly state?: Partial<State>;
  /** As the client gives it. Default: john+x@example.org. */
  readonly recipient?: string;
  readonly parameters?: readonly string[];
  readonly extensions?: "enforce";
  readonly before?: (place: World) => void;
}

type Way = "stage" | "local" | "reload";

/** The message of which a recipient is refused and passes. */
async function begin(way: Way, { changes = {}, state, extensions = undefined, before }: Case, asked: string[] = []) {
  const place = world({ changes: { ...changes, rcpt: { ...changes.rcpt, ...(way === "stage" && { mode: "shadow" }) } } });
  const remembered: State = {
    greylist: () => ({ kind: "wait", firstSeen: 0, isNew: true }),
    throttle: () => ({ allowed: true, taken: 1 }),
    giveBack: () => undefined,
    remember: () => undefined,
    areCorrespondents: () => false,
    ...state,
  };
  const noted = (name: "greylist" | "throttle" | "giveBack" | "remember") => ({
    [name]: (question: never) => {
      asked.push(name);
      return remembered[name](question);
    },
  });
  const noting: State = { ...remembered, ...noted("greylist"), ...noted("throttle"), ...noted("giveBack"), ...noted("remember") };
  place.core = { ...place.core, sources: sourcesOf([place.directory], { blocked: [] }, {}, { state: noting }) };
  before?.(place);
  const own = milterWorld(place, extensions === undefined ? {} : { extensions });
  const mta = new Mta(own.options);
  await mta.offer();
  await mta.send("C", way === "local" ? connect("localhost", "4", "127.0.0.1", 0) : connect());
  await mta.send("H", helo("mx.client.example"));
  await mta.send("M", envelope("<a@client.example>"));
  if (way === "reload") own.settings = { ...own.settings, mode: "shadow" };
  return { mta, place };
}

/** Of a program of the machine each recipient is deleted without its domain, too. */
async function changesAtEnd(mta: Mta): Promise<string | undefined> {
  return (await mta.send("E"))?.replace(/-<[^@>]*> \| /g, "");
}

async function passes(way: Way, reason: string, given: Case) {
  const { recipient = "john+x@example.org", parameters = [] } = given;
  const { mta, place } = await begin(way, given);
  expect(await mta.send("R", envelope(`<${recipient}>`, ...parameters))).toBe("continue");
  expect(place.decisions.filter(({ stage }) => stage === "rcpt").map(({ verdict, would, reason }) => [verdict, would && reason])).toEqual([
    ["pass", reason],
  ]);
  return await changesAtEnd(mta);
}

const ways: readonly Way[] = ["stage", "local", "reload"];
const resolved = "-<john+x@example.org> | +<john@example.org> | continue";

/** Each is decided against, by one rule or another. */
const decided: readonly [reason: string, given: Case][] = [
  ["greylisted", { changes: { rcpt: { greylist: greylist({ enable: rule("true") }) } } }],
  ["denied", { changes: { rcpt: { deny: [denial(rule("true"))] } } }],
  ["rate-limit", { changes: { throttles: { rcpt: [throttle] } }, state: { throttle: () => ({ allowed: false, taken: 1 }) } }],
  ["rate-limit", { changes: { throttles: { errors: [throttle] } }, state: { throttle: () => ({ allowed: false, taken: 1 }) } }],
  ["too-many-recipients", { changes: { rcpt: { maxRecipients: rule("0") } } }],
  [
    "over-quota",
    {
      before: ({ directory }) => {
        const { recipient } = directory;
        directory.recipient = (address) =>
          address === "john@example.org" ? { kind: "mailbox", primaries: [address], state: "full" } : recipient(address);
      },
    },
  ],
  ["script", { changes: { rcpt: { script: rule("'test'") }, sieve: { scripts: scriptsOf({ test: 'reject "No.";' }) } } }],
  ["extension-disabled", { extensions: "enforce", parameters: ["NOTIFY=NEVER"] }],
];

describe.each(ways)("a recipient that passes by way of the %s", (way) => {
  test.each(decided)("is resolved all the same: %s", async (reason, given) => {
    expect((await passes(way, reason, given))?.replace(" NOTIFY=NEVER ORCPT=rfc822;john+2Bx@example.org", "")).toBe(resolved);
  });

  test.each(["any@catch.example", "j@example.org", "sales@example.org"])("%s is resolved though it is greylisted", async (recipient) => {
    const greylisted = { rcpt: { aliases: "primary", greylist: greylist({ enable: rule("true") }) } } as const;
    expect(await passes(way, "greylisted", { recipient, changes: greylisted })).toMatch(
      /^-<[^ ]+> \| \+<john@example.org>( \| \+<jane@example.org>)? \| continue$/,
    );
  });

  test.each<[what: string, reason: string, given: Case]>([
    ["is unknown", "unknown-mailbox", { recipient: "nobody+x@example.org" }],
    ["is elsewhere", "relay-denied", { recipient: "x@elsewhere.example" }],
    ["is a list with too many members", "list-too-long", { recipient: "sales@example.org", changes: { rcpt: { maxListMembers: 1 } } }],
    [
      "leads to a list with too many members",
      "list-too-long",
      {
        recipient: "j@example.org",
        changes: { rcpt: { maxListMembers: 1, aliases: "primary" } },
        before: ({ directory }) => {
          const { recipient } = directory;
          const alias = { kind: "mailbox", primaries: ["sales@example.org"] } as const;
          Object.assign(directory, {
            forwards: true,
            recipient: (address: string) => (address === "j@example.org" ? alias : recipient(address)),
          });
        },
      },
    ],
    ["is too long", "too-long", { recipient: `${"x".repeat(513)}@catch.example` }],
  ])("stays as given when it %s", async (_what, reason, given) => {
    expect(await passes(way, reason, given)).toBe("continue");
  });

  test.each([
    ["unknown-mailbox", "nobody@example.org"],
    ["relay-denied", "x@elsewhere.example"],
  ])("is rewritten, and %s there", async (reason, target) => {
    expect(await passes(way, reason, { changes: { rcpt: { rewrite: rule(`'${target}'`) } } })).toBe(
      `-<john+x@example.org> | +<${target}> | continue`,
    );
  });

  test("is one of the recipients: what leads to it leads there once", async () => {
    const { mta } = await begin(way, { changes: { rcpt: { deny: [denial(rule("rcpt == 'john@example.org'"))] } } });
    for (const recipient of ["john@example.org", "sales@example.org"]) await mta.send("R", envelope(`<${recipient}>`));
    expect(await changesAtEnd(mta)).toBe("-<sales@example.org> | +<jane@example.org> | continue");
  });

  test("is no duplicate of one that comes later", async () => {
    const script = 'if envelope :contains "to" "+x" { reject "No."; }';
    const scripted = { rcpt: { script: rule("'test'") }, sieve: { scripts: scriptsOf({ test: script }) } };
    const { mta, place } = await begin(way, { changes: scripted });
    for (const recipient of ["john+x@example.org", "john@example.org", "john+y@example.org"])
      await mta.send("R", envelope(`<${recipient}>`));
    const reasons = place.decisions.filter(({ stage }) => stage === "rcpt").map(({ reason }) => reason);
    expect(reasons).toEqual(["script", "mailbox", "duplicate"]);
    expect(await changesAtEnd(mta)).toBe("-<john+x@example.org> | -<john+y@example.org> | continue");
  });

  test("changes the sender in shadow mode alone", async () => {
    const script = 'require ["variables", "envelope"]; set "envelope.from" "new@client.example";';
    const changes = { rcpt: { script: rule("'test'"), deny: [denial(rule("true"))] }, sieve: { scripts: scriptsOf({ test: script }) } };
    expect(await passes(way, "denied", { changes })).toBe(
      way === "local" ? resolved : resolved.replace("continue", "from <new@client.example> | continue"),
    );
  });

  test("is asked about no further, is not waited for, and takes nothing", async () => {
    const asked: string[] = [];
    const limits: Changes = {
      throttles: { rcpt: [throttle] },
      rcpt: { greylist: greylist({ enable: rule("true"), correspondentsMs: 1 }) },
    };
    const { mta, place } = await begin(way, { changes: { ...limits, rcpt: { ...limits.rcpt, deny: [denial(rule("true"))] } } }, asked);
    for (const recipient of ["nobody@example.org", "john+x@example.org"]) {
      expect(await mta.send("R", envelope(`<${recipient}>`))).toBe("continue");
    }
    expect(asked).toEqual([]);
    expect(place.decisions.filter(({ would }) => would !== undefined)).toHaveLength(2);
  });

  test("gives back what it took before it was refused", async () => {
    const asked: string[] = [];
    const changes = { throttles: { rcpt: [throttle] }, rcpt: { greylist: greylist({ enable: rule("true") }) } };
    const { mta } = await begin(way, { changes }, asked);
    await mta.send("R", envelope("<john@example.org>"));
    expect(asked).toEqual(["throttle", "greylist", "giveBack"]);
  });
});

const undecided: readonly [what: string, given: Case, end: string][] = [
  ["where it leads", { before: ({ directory }) => Object.assign(directory, { down: true }) }, "continue"],
  // The catch-all would take what belongs elsewhere.
  ["how it is rewritten", { recipient: "any@catch.example", changes: { rcpt: { rewrite: cannotTell } } }, "continue"],
  ["whether it is denied", { changes: { rcpt: { deny: [denial(cannotTell)] } } }, resolved],
  [
    "how often it came",
    {
      changes: { throttles: { rcpt: [throttle] } },
      state: {
        throttle: () => {
          throw new TemporaryError("down");
        },
      },
    },
    resolved,
  ],
];

describe("when nobody can tell", () => {
  test.each(undecided)("%s, a recipient passes in shadow mode, to where it is known to lead", async (_what, given, end) => {
    for (const way of ["stage", "reload"] as const) expect(await passes(way, "unavailable", given)).toBe(end);
  });

  test.each(undecided)("%s, a message of a local program is deferred", async (_what, given) => {
    const { mta } = await begin("local", given);
    const { recipient = "john+x@example.org" } = given;
    expect(await mta.send("R", envelope(`<${recipient}>`))).toBe("451 4.4.3 Unable to verify address at this time.");
  });

  test("where a recipient leads, a message of a local program is deferred though that one is refused already", async () => {
    const { mta } = await begin("local", {
      changes: { rcpt: { script: rule("'test'") }, sieve: { scripts: scriptsOf({ test: 'reject "No.";' }) } },
      before: ({ directory }) => Object.assign(directory, { down: true }),
    });
    expect(await mta.send("R", envelope("<john@example.org>"))).toMatch(/^451 /);
  });
});

describe("a sender that is refused in shadow mode of its stage", () => {
  const rewrite = rule("'bounce@example.org'", "mail");

  async function changeOf(
    mail: Changes["mail"],
    { sender = "a@client.example", changes = {} as Changes, name = "mx.client.example" } = {},
  ) {
    const place = world({ changes: { ...changes, mail: { rewrite, ...mail, mode: "shadow" } } });
    const mta = new Mta(milterWorld(place, { extensions: "enforce" }).options);
    await mta.offer();
    await mta.send("C", connect());
    if (name !== "") await mta.send("H", helo(name));
    expect(await mta.send("M", envelope(`<${sender}>`, ...(sender === "late@client.example" ? ["BY=120;R"] : [])))).toBe("continue");
    expect(await mta.send("R", envelope("<john+x@example.org>"))).toBe("continue");
    const end = await mta.send("E");
    const noted = place.decisions.filter(({ would }) => would !== undefined).map(({ stage, reason }) => `${stage} ${reason}`);
    return [...noted, end?.replace("-<john+x@example.org> | +<john@example.org> | ", "")];
  }

  const changed = "from <bounce@example.org> | continue";
  const denied = denial(rule("true"));
  const script = { script: rule("'test'"), deny: [denied] };

  test.each<[reason: string, mail: Changes["mail"], other: Parameters<typeof changeOf>[1], end: string]>([
    ["no-ehlo", {}, { name: "" }, changed],
    ["sender-not-allowed", { isAllowed: rule("false"), deny: [denied] }, {}, changed],
    ["denied", { deny: [denied] }, {}, changed],
    ["denied", script, { changes: { sieve: { scripts: scriptsOf({ test: 'reject "No.";' }) } } }, changed],
    ["unavailable", { deny: [denial(cannotTell)] }, {}, changed],
    ["unavailable", { rewrite: cannotTell }, {}, "continue"],
    ["extension-disabled", {}, { sender: "late@client.example" }, changed],
    ["too-long", {}, { sender: `${"x".repeat(513)}@client.example` }, "continue"],
  ])("%s is noted once, and rewritten all the same", async (reason, mail, other, end) => {
    expect(await changeOf(mail, other)).toEqual([`mail ${reason}`, end]);
  });

  test("is what its script makes of it", async () => {
    const scripts = scriptsOf({ test: 'set "envelope.from" "other@example.org";' });
    expect(await changeOf({ ...script, rewrite: rule("false", "mail") }, { changes: { sieve: { scripts } } })).toEqual([
      "mail denied",
      "from <other@example.org> | continue",
    ]);
  });
});
