/** What the milter does with every MTA: the configuration of the daemon, and the tests that run with each MTA. */
import { once } from "node:events";
import { request } from "node:http";
import { join } from "node:path";
import { json } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { substitute } from "../support/contrib.ts";
import { type Daemon, startDaemon } from "../support/daemon.ts";
import { type Mta, startPostfix } from "../support/mta.ts";
import { openSmtp, type Smtp } from "../support/smtp.ts";

/** Services of the MTA, each with its own milter: `base` is the one of contrib, the others are variations of it. */
export const services = ["base", "keep", "enforce", "mortal"] as const;
export type Service = (typeof services)[number];

/** Where the milter of a service listens: a path, or a port of loopback. */
export type Place = { readonly path: string } | { readonly host: "127.0.0.1"; readonly port: number };

/** Where a configuration of contrib has its milter. */
const milterPlace = /(?<=protocol = "milter"\nbind = \[")[^"]+/;

const written = (place: Place) => ("path" in place ? `unix:${place.path}` : `${place.host}:${place.port}`);

export const members = Array.from({ length: 200 }, (_, n) => `member${n}@example.org`).sort();

const principals = `
  { name = "mary", email = ["mary@example.org"] },
  { name = "mary-smith", email = ["mary+smith@example.org"] },
  { name = "left", email = ["left@example.org"] },
  { name = "right", email = ["right@example.org"] },
  { name = "staff", class = "list", email = ["staff@example.org"] },
  ${members.map((address, n) => `{ name = "member${n}", email = ["${address}"], member-of = ["staff"] },`).join("\n  ")}
`;

const rewrite = `
rewrite = [
  { if = "rcpt == 'left@example.org'", then = "'right@example.org'" },
  { if = "rcpt == 'right@example.org'", then = "'left@example.org'" },
  { if = 'matches("^(mary)[.]([^.]+)@(.+)$", rcpt)', then = "$1 + '+' + $2 + '@' + $3" },
  { else = false },
]`;

/** A postern.toml of contrib in enforce mode, with the accounts and rules that the tests need. */
export function behaviour(text: string): string {
  return substitute(
    text.replace(/^(?:wait|total|mode) = .*\n/gm, ""),
    ["principals = [", `principals = [${principals}`],
    ["[session.rcpt]", `[session.rcpt]${rewrite}`],
  ).concat(text.includes("errors]") ? "" : "\n[session.rcpt.errors]", `\ntotal = 3\nwait = "0s"\n`);
}

export interface Daemons {
  readonly serving: Daemon;
  /** The tests start and kill this one. */
  readonly startMortal: () => Promise<Daemon>;
  stop(): Promise<void>;
}

/** `text` is a postern.toml of contrib. */
export async function startDaemons(scratch: string, text: string, placeOf: (service: Service) => Place): Promise<Daemons> {
  const config = (service: Service) => {
    if (!milterPlace.test(text)) throw new Error(`no milter in:\n${text}`);
    return behaviour(text).replace(milterPlace, written(placeOf(service)));
  };
  /** Without the socketmap listener. */
  const alone = (service: Service) => config(service).replace(/^\[listener\.map\][\s\S]*?\n\n/m, "");
  const serving = await startDaemon({
    directory: join(scratch, "daemon"),
    config: `${config("base")}
[listener.enforce]
protocol = "milter"
bind = ["${written(placeOf("enforce"))}"]
extensions = "enforce"
[listener.web]
protocol = "http"
bind = ["unix:${join(scratch, "web.sock")}"]
`,
    listening: [placeOf("base"), placeOf("enforce")],
  });
  const keeping = await startDaemon({
    directory: join(scratch, "keep"),
    config: substitute(alone("keep"), [`delivery = "base"`, `delivery = "keep"`]),
    listening: [placeOf("keep")],
  });
  const startMortal = () => startDaemon({ directory: join(scratch, "mortal"), config: alone("mortal"), listening: [placeOf("mortal")] });
  return {
    serving,
    startMortal,
    async stop() {
      await Promise.all([serving.stop(), keeping.stop()]);
    },
  };
}

export interface MilterHost {
  readonly mta: Mta;
  readonly daemons: Daemons;
}

export interface MilterHostOptions {
  /** A folder for scratch folders. */
  readonly scratch: string;
  readonly ports: Readonly<Record<Service, number>>;
  /** A free port for a Postfix that sends to the MTA. */
  readonly clientPort: number;
  /** How the MTA shows a milter's reply to a recipient. */
  readonly refusal: (recipient: string, code: string, text: string) => string;
  /** Called when the tests run, after both were started. */
  readonly host: () => MilterHost;
}

export function testMilter({ scratch, ports, clientPort, refusal, host }: MilterHostOptions): void {
  const open: Smtp[] = [];
  afterAll(() => {
    for (const smtp of open) smtp.end();
  });

  /** A session of an unknown client, up to the greeting. */
  async function visit(service: Service = "base"): Promise<Smtp> {
    const smtp = await openSmtp(ports[service], "127.0.0.2");
    open.push(smtp);
    return smtp;
  }

  /** The same, up to and including MAIL, with a valid EHLO name. */
  async function greet(service: Service = "base"): Promise<Smtp> {
    const smtp = await visit(service);
    expect(await smtp.say("EHLO client.example.com")).toMatch(/^250-/);
    expect(await smtp.say("MAIL FROM:<someone@client.example.com>")).toMatch(/^250 /);
    return smtp;
  }

  it("the status has the version of the MTA", async () => {
    // Postfix keeps what needs no reply until it needs one.
    await greet();
    const mtaOf = async () => {
      const asked = request({ socketPath: join(scratch, "web.sock"), path: "/status", host: "localhost", agent: false }).end();
      const [response] = await once(asked, "response");
      const { listeners } = (await json(response)) as { listeners: readonly { protocol: string; mta: string | null }[] };
      return listeners.find(({ protocol }) => protocol === "milter")?.mta;
    };
    await expect.poll(mtaOf, { timeout: 5000 }).toMatch(/^(?:Postfix 3|8)\.\d+\.\d+/);
  });

  async function accept(smtp: Smtp, path: string): Promise<void> {
    expect(await smtp.say(`RCPT TO:${path}`)).toMatch(/^250 /);
  }

  async function send(smtp: Smtp, subject: string): Promise<readonly string[]> {
    expect(await smtp.say("DATA")).toMatch(/^354 /);
    expect(await smtp.say(`Subject: ${subject}\r\n\r\nhello\r\n.`)).toMatch(/^250 /);
    return await host().mta.delivered(subject);
  }

  /** Who gets a message to these recipients, all of which must be accepted. */
  async function deliver(recipients: readonly string[], service: Service = "base"): Promise<readonly string[]> {
    const smtp = await greet(service);
    for (const recipient of recipients) await accept(smtp, `<${recipient}>`);
    return await send(smtp, `to ${recipients.join(" ")} ${service}`);
  }

  it("refuses a bad EHLO name at MAIL, and accepts after a good one", async () => {
    const smtp = await visit();
    expect(await smtp.say("EHLO spammer.example")).toMatch(/^250-/);
    expect(await smtp.say("MAIL FROM:<someone@client.example.com>")).toBe(
      "551 5.1.1 Sending domain 'spammer.example' has been blocklisted.",
    );
    expect(await smtp.say("EHLO client.example.com")).toMatch(/^250-/);
    expect(await smtp.say("MAIL FROM:<someone@client.example.com>")).toMatch(/^250 /);
    await accept(smtp, "<john@example.org>");
    expect(await send(smtp, "second name")).toEqual(["john@example.org"]);
  });

  it("refuses one recipient and delivers to the others", async () => {
    const smtp = await greet();
    await accept(smtp, "<john@example.org>");
    expect(await smtp.say("RCPT TO:<nosuch@example.org>")).toBe(refusal("nosuch@example.org", "550 5.1.2", "Mailbox does not exist."));
    await accept(smtp, "<jane@example.org>");
    expect(await send(smtp, "two of three")).toEqual(["jane@example.org", "john@example.org"]);
  });

  it("refuses every recipient of one message and takes the next message", async () => {
    const smtp = await greet();
    expect(await smtp.say("RCPT TO:<nosuch@example.org>")).toMatch(/^550 5\.1\.2 /);
    expect(await smtp.say("RSET")).toMatch(/^250 /);
    expect(await smtp.say("MAIL FROM:<>")).toMatch(/^250 /);
    await accept(smtp, "<jane@example.org>");
    expect(await send(smtp, "after a reset")).toEqual(["jane@example.org"]);
    expect(await smtp.say("MAIL FROM:<>")).toMatch(/^250 /);
    await accept(smtp, "<john@example.org>");
    expect(await send(smtp, "second of a session")).toEqual(["john@example.org"]);
  });

  it.each<readonly [what: string, given: readonly string[], service: Service, delivered: readonly string[]]>([
    ["a mailbox to itself", ["john@example.org"], "base", ["john@example.org"]],
    ["a mailbox in other letters as it was given", ["John@Example.ORG"], "base", ["John@Example.ORG"]],
    ["a sub-address to its base", ["john+tag@example.org"], "base", ["john@example.org"]],
    ["a sub-address as sent, when it is to be kept", ["john+tag@example.org"], "keep", ["john+tag@example.org"]],
    ["an unknown address to the catch-all", ["anybody@example.net"], "base", ["info@example.net"]],
    ["a rewritten address to a mailbox of that name", ["mary.smith@example.org"], "base", ["mary+smith@example.org"]],
    ["a rewritten address to the base, when only that exists", ["mary.jones@example.org"], "base", ["mary@example.org"]],
    [
      "one copy to a mailbox that several lead to",
      ["john+a@example.org", "john+b@example.org", "john@example.org"],
      "base",
      ["john@example.org"],
    ],
    ["one copy when the mailbox itself comes first", ["jane@example.org", "jane+b@example.org"], "base", ["jane@example.org"]],
    ["to both of two that are swapped", ["left@example.org", "right@example.org"], "base", ["left@example.org", "right@example.org"]],
    ["to the other of two that are swapped", ["left@example.org"], "base", ["right@example.org"]],
    ["the last host of a source route", ["@relay.example:jane+route@example.org"], "base", ["jane@example.org"]],
    ["to every member of a list", ["staff@example.org"], "base", members],
    ["one copy to a member of a list that is named too", ["staff@example.org", "member7+x@example.org"], "base", members],
  ])("delivers %s", async (_, given, service, delivered) => {
    // The MTA may change the case of the domain.
    const lowerDomain = (address: string) => address.replace(/@.*/, (domain) => domain.toLowerCase());
    expect((await deliver(given, service)).map(lowerDomain)).toEqual(delivered.map(lowerDomain));
  });

  describe("a message of a Postfix client, which sends ORCPT", () => {
    let client: Mta;
    beforeAll(() => {
      const through = (service: Service) => `{ ${service}@client.example.com = smtp:[127.0.0.1]:${ports[service]} }`;
      client = startPostfix({
        directory: join(scratch, "client"),
        port: clientPort,
        main: `
myhostname = client.example.com
smtp_bind_address = 127.0.0.2
sender_dependent_default_transport_maps = inline:{ ${through("base")}, ${through("enforce")} }
`,
        master: "smtp unix - - n - - smtp\n",
      });
    });
    afterAll(() => client?.stop());

    it.each(["base", "enforce"])("is delivered through %s", async (service) => {
      const smtp = await openSmtp(clientPort);
      open.push(smtp);
      await smtp.say("EHLO localhost");
      expect(await smtp.say(`MAIL FROM:<${service}@client.example.com>`)).toMatch(/^250 /);
      await accept(smtp, "<john+tag@example.org>");
      await accept(smtp, "<jane@example.org>");
      const subject = `from a client of ${service}`;
      expect(await smtp.say("DATA")).toMatch(/^354 /);
      expect(await smtp.say(`Subject: ${subject}\r\n\r\nhello\r\n.`)).toMatch(/^250 /);
      expect(await client.delivered(subject)).toEqual([]);
      expect(await host().mta.delivered(subject)).toEqual(["jane@example.org", "john@example.org"]);
    });
  });

  it.each([
    ["passes NOTIFY and delivers", "base", /^250 /],
    ["refuses NOTIFY under enforce", "enforce", /^501 5\.5\.4 /],
  ] as const)("%s", async (_, service, reply) => {
    const smtp = await greet(service);
    expect(await smtp.say("RCPT TO:<john@example.org> NOTIFY=NEVER ORCPT=rfc822;john@example.org")).toMatch(reply);
    await accept(smtp, "<jane+x@example.org> ORCPT=rfc822;jane+2Bx@example.org");
    const delivered = service === "base" ? ["jane@example.org", "john@example.org"] : ["jane@example.org"];
    expect(await send(smtp, `with NOTIFY through ${service}`)).toEqual(delivered);
  });

  it("disconnects at the third error of a session", async () => {
    const smtp = await greet();
    expect(await smtp.say("RCPT TO:<nosuch1@example.org>")).toMatch(/^550 5\.1\.2 /);
    expect(await smtp.say("RCPT TO:<nosuch2@example.org>")).toMatch(/^550 5\.1\.2 /);
    expect(await smtp.say("RCPT TO:<nosuch3@example.org>")).toBe("421 4.3.0 Too many errors, disconnecting.");
    expect(await smtp.closed()).toBe(true);
  });

  describe("a daemon that is killed", () => {
    it.each([
      ["between two recipients", "RCPT TO:<jane@example.org>"],
      ["before DATA", "DATA"],
      ["before the end of the message", "."],
    ])("%s costs that session its message, and not the next one", async (where, line) => {
      const { mta, daemons } = host();
      const before = mta.mail().length;
      const first = await daemons.startMortal();
      const smtp = await greet("mortal");
      await accept(smtp, "<john@example.org>");
      if (line === ".") expect(await smtp.say("DATA")).toMatch(/^354 /);
      await first.kill();
      const reply = await smtp.say(line);
      // Postfix, which has nothing to ask at DATA, sees it at the end of the message.
      expect(reply.startsWith("354") ? await smtp.say(".") : reply).toMatch(/^451 /);
      await smtp.say("RSET");
      expect(await smtp.say("MAIL FROM:<>")).toMatch(/^451 /);
      const second = await daemons.startMortal();
      try {
        const next = await greet("mortal");
        await accept(next, "<jane@example.org>");
        expect(await send(next, `after it was killed ${where}`)).toEqual(["jane@example.org"]);
        expect(mta.mail()).toHaveLength(before + 1);
      } finally {
        await second.stop();
      }
    });

    it("lets nothing in while it is not there", async () => {
      const smtp = await visit("mortal");
      expect(await smtp.say("EHLO client.example.com")).toMatch(/^250-/);
      expect(await smtp.say("MAIL FROM:<someone@client.example.com>")).toMatch(/^451 /);
    });
  });
}
