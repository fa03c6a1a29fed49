/** SPF and reverse names from the configuration to the reply, against a DNS server on loopback; the configuration and the pieces of their page. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { parseConfiguration } from "../../../src/config/load.ts";
import { type OpenCore, openCore } from "../../../src/daemon/open-core.ts";
import { type PlayedSession, play } from "../../../src/frontend/explain/play.ts";
import { MemoryState } from "../../../src/state/memory.ts";
import { read, substitute } from "../../support/contrib.ts";
import { DnsServer } from "../../support/dns-server.ts";

const page = read("contrib/spf/README.md");
const example = read("contrib/spf/postern.toml");

let server: DnsServer;
beforeAll(async () => {
  const txt = (text: string) => ({ type: "TXT", chunks: [text] }) as const;
  server = await DnsServer.start({
    "client.example": [txt("v=spf1 include:spf.client.example -all")],
    "spf.client.example": [txt("v=spf1 ip4:203.0.113.0/24 -all")],
    "forged.example": [txt("v=spf1 -all")],
    "soft.example": [txt("v=spf1 ~all")],
    "partner.example": [txt("v=spf1 +all")],
    "silence.example": "silence",
  });
});
afterAll(() => server.stop());

let opened: OpenCore | undefined;
afterEach(() => opened?.close());

function open(text: string): OpenCore {
  const { configuration, problems } = parseConfiguration(text, "postern.toml", () => "");
  if (configuration === undefined) throw new Error(JSON.stringify(problems));
  expect(problems).toEqual([]);
  opened = openCore(configuration, {
    ...{ now: () => performance.now(), clock: Date.now, onAvailability: () => {} },
    leaseState: () => ({ state: new MemoryState(), release: async () => {} }),
  });
  return opened;
}

const ofPage = (more = "") =>
  `${substitute(example, [`"127.0.0.1"]`, `"${server.address}"]`], [`mode = "shadow"`, `mode = "enforce"`])}${more}`;

async function explained({ core, configuration }: OpenCore, session: PlayedSession) {
  const [listener] = configuration.listeners;
  if (listener === undefined) throw new Error("no listener");
  return play({ helo: "mx.client.example", ...session, client: { address: "203.0.113.9", ...session.client } }, listener, core);
}

async function replyTo(core: OpenCore, sender: string, session: Partial<PlayedSession> = {}) {
  const steps = await explained(core, { client: {}, sender, ...session });
  return steps.find(({ stage }) => stage === "mail")?.reply;
}

describe("the configuration of the page", () => {
  it("refuses a forged sender, unless it comes by a relay, from a network that is trusted, or with a login", async () => {
    const core = open(ofPage());
    expect(await replyTo(core, "a@client.example")).toBe(null);
    expect(await replyTo(core, "a@soft.example")).toBe(null);
    expect(await replyTo(core, "a@forged.example")).toBe("550 5.7.23 SPF validation failed, status: Fail.");
    const questions = server.asked.length;
    for (const session of [{ client: { address: "198.51.100.25" } }, { client: { address: "127.0.0.1" } }, { auth: "john" }]) {
      expect(await replyTo(core, "a@forged.example", session)).toBe(null);
    }
    // The reverse name of the relay.
    expect(server.asked.slice(questions)).toEqual(["PTR 25.100.51.198.in-addr.arpa"]);
  });

  it("explain shows each question, its answer and what decided", async () => {
    const steps = await explained(open(ofPage()), { client: {}, sender: "a@client.example" });
    const trace = steps.flatMap((step) => step.trace).filter(({ step }) => /^spf of MAIL|^iprev/.test(step));
    expect(trace.map(({ step, asked, answer }) => `${step}: ${asked}: ${answer}`).toSorted()).toEqual([
      "iprev: 203.0.113.9: permerror",
      "iprev: PTR of 203.0.113.9: none",
      "spf of MAIL: TXT client.example: v=spf1 include:spf.client.example -all",
      "spf of MAIL: TXT spf.client.example: v=spf1 ip4:203.0.113.0/24 -all",
      "spf of MAIL: a@client.example from 203.0.113.9: pass, by include:spf.client.example, by ip4:203.0.113.0/24 there",
    ]);
  });

  it("defers while the DNS is silent", async () => {
    const core = open(ofPage().replace("[dns]", '[dns]\ntimeout = "50ms"'));
    expect(await replyTo(core, "a@silence.example")).toBe("451 4.7.24 Temporary SPF validation error.");
  });
});

describe("the pieces of the page", () => {
  const pieces = [...page.matchAll(/(?:^ {4}.*\n|^\n(?= {4}))+/gm)].map(([piece]) => piece.replace(/^ {4}/gm, ""));
  const piece = (start: string) => {
    const found = pieces.map((text) => text.trimStart()).find((text) => text.startsWith(start));
    if (found === undefined) throw new Error(`no piece that begins with ${start}`);
    return found;
  };

  it("verify one domain strictly", async () => {
    const text = ofPage().replace(/\[auth\.spf\.verify\]\n(?:.+\n)+/, piece("[auth.spf.verify]").replace("bank.example", "soft.example"));
    expect(await replyTo(open(text), "a@soft.example")).toBe("550 5.7.23 SPF validation failed, status: SoftFail.");
  });

  it("spare partners the greylist, and refuse whom nothing speaks for", async () => {
    const core = open(ofPage(`\n${piece("[lookup.partners]")}`));
    expect(await replyTo(core, "a@soft.example")).toBe("550 5.7.1 Neither SPF nor a reverse name speaks for 203.0.113.9.");
    const recipients = ["john@example.org"];
    const last = async (sender: string) => (await explained(core, { client: {}, sender, recipients })).at(-1)?.reply ?? "accepted";
    expect(await last("a@partner.example")).toBe("accepted");
    expect(await last("a@client.example")).toMatch(/^451 4\.7\.1 Greylisted/);
  });
});
