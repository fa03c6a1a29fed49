/** Real SMTP sessions through a real Postfix that asks the real daemon, set up by the files of contrib/postfix. */
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { read, substitute } from "../support/contrib.ts";
import { type Daemon, startDaemon } from "../support/daemon.ts";
import { freePorts, hasIpv6, type Mta, startPostfix, whyNo } from "../support/mta.ts";
import { openSmtp, type Smtp } from "../support/smtp.ts";

const local = (port: number) => ({ host: "127.0.0.1", port });

describe.skipIf(whyNo("Postfix") !== undefined)("Postfix", async () => {
  // A short name, since Postfix creates UNIX sockets below it, in a folder that other users can reach.
  const scratch = `/tmp/postern-policy-${process.pid}`;
  const socket = join(scratch, "policy.sock");
  const [
    smtpd = 0,
    early = 0,
    twice = 0,
    submission = 0,
    byIpv6 = 0,
    bySocket = 0,
    shadow = 0,
    mortal = 0,
    policy = 0,
    policySubmission = 0,
    policyShadow = 0,
    policyMortal = 0,
  ] = await freePorts(12);

  const places: readonly (readonly [string, string])[] = [
    ["127.0.0.1:10040", `127.0.0.1:${policy}`],
    ["127.0.0.1:10041", `127.0.0.1:${policySubmission}`],
  ];

  const config = `${substitute(
    read("contrib/postfix/postern.toml"),
    ...places,
    [
      `bind = ["127.0.0.1:${policy}"]`,
      `bind = ["127.0.0.1:${policy}", "unix:${socket}"${hasIpv6 ? `, "[::1]:${policy}"` : ""}]\nsocket-group = "postfix"`,
    ],
    [`mode = "shadow"\n`, ""],
    ["max-recipients = 100", "max-recipients = 3"],
    ["total = 5", "total = 3"],
    [`wait = "5s"`, `wait = "0s"`],
  )}
[listener.shadow]
protocol = "policy"
bind = ["127.0.0.1:${policyShadow}"]
mode = "shadow"
[session.mail]
deny = [ { if = "sender_domain == 'example.org' && is_empty(authenticated_as)", reply = "550 5.7.1 Log in to send as {sender}." } ]
[session.auth]
must-match-sender = "authenticated_as == 'jane'"
`;

  const main = `${substitute(read("contrib/postfix/main.cf"), ...places.slice(0, 1))}
smtpd_data_restrictions = check_policy_service { $postern, timeout=30s, policy_context=data }
mydestination = example.org example.net lists.example.org
smtpd_sasl_auth_enable = yes
`;

  const service = (port: number, ...options: readonly string[]) =>
    [`127.0.0.1:${port} inet n - n - - smtpd`, ...options.map((option) => `    -o { ${option} }`)].join("\n");
  const master = [
    substitute(read("contrib/postfix/master.cf"), ...places.slice(1), ["submission inet", `127.0.0.1:${submission} inet`]),
    service(early, "smtpd_delay_reject = no"),
    service(
      twice,
      "smtpd_helo_restrictions =",
      "smtpd_sender_restrictions =",
      "smtpd_relay_restrictions = check_policy_service $postern, reject_unauth_destination",
      "smtpd_recipient_restrictions = check_policy_service $postern",
    ),
    service(bySocket, `postern = unix:${socket}`),
    service(byIpv6, `postern = inet:[::1]:${policy}`),
    service(shadow, `postern = inet:127.0.0.1:${policyShadow}`),
    service(mortal, `postern = inet:127.0.0.1:${policyMortal}`),
    "",
  ].join("\n");

  let postfix: Mta;
  let daemon: Daemon;
  const open: Smtp[] = [];

  beforeAll(async () => {
    postfix = startPostfix({ directory: join(scratch, "mta"), port: smtpd, main, master });
    daemon = await startDaemon({
      directory: join(scratch, "daemon"),
      config,
      listening: [local(policy), local(policySubmission), local(policyShadow), { path: socket }],
    });
  });

  afterAll(async () => {
    for (const smtp of open) smtp.end();
    await daemon?.stop();
    postfix?.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  let lastPort = 20_000;

  /** A session of a new client, up to the greeting. */
  async function visit(port: number, login?: string): Promise<Smtp> {
    const smtp = await openSmtp(port);
    open.push(smtp);
    lastPort += 1;
    const greeting = await smtp.say(`XCLIENT ADDR=203.0.113.9 PORT=${lastPort}${login === undefined ? "" : ` LOGIN=${login}`}`);
    expect(greeting).toMatch(/^220 /);
    return smtp;
  }

  /** The same, up to and including MAIL, with a valid EHLO name. */
  async function greet(port: number, login?: string): Promise<Smtp> {
    const smtp = await visit(port, login);
    expect(await smtp.say("EHLO client.example.com")).toMatch(/^250-/);
    expect(await smtp.say("MAIL FROM:<someone@client.example.com>")).toMatch(/^250 /);
    return smtp;
  }

  const rcpt = (smtp: Smtp, address: string) => smtp.say(`RCPT TO:<${address}>`);

  it("lets nobody send as somebody else", async () => {
    const stranger = await visit(early);
    expect(await stranger.say("EHLO client.example.com")).toMatch(/^250-/);
    expect(await stranger.say("MAIL FROM:<john@example.org>")).toBe(
      "550 5.7.1 <john@example.org>: Sender address rejected: Log in to send as john@example.org.",
    );
    const jane = await visit(early, "jane");
    expect(await jane.say("EHLO client.example.com")).toMatch(/^250-/);
    expect(await jane.say("MAIL FROM:<john@example.org>")).toBe(
      "501 5.5.4 <john@example.org>: Sender address rejected: You are not allowed to send from this address.",
    );
    expect(await jane.say("MAIL FROM:<jane+x@example.org>")).toMatch(/^250 /);
  });

  describe.each([
    ["yes", smtpd],
    ["no", early],
  ])("with smtpd_delay_reject=%s", (delayReject, port) => {
    /** The reply of the HELO restrictions, wherever Postfix gives it. */
    async function repliesToHelo(name: string): Promise<string> {
      const smtp = await visit(port);
      const reply = await smtp.say(`EHLO ${name}`);
      if (delayReject === "no") return reply;
      expect(reply).toMatch(/^250-/);
      expect(await smtp.say("MAIL FROM:<someone@client.example.com>")).toMatch(/^250 /);
      return rcpt(smtp, "john@example.org");
    }

    it("refuses an EHLO name without a domain", async () => {
      expect(await repliesToHelo("localhost")).toBe("550 5.5.0 <localhost>: Helo command rejected: Invalid EHLO domain.");
    });

    // Postfix turns 5.1.1, which is about a recipient, into 5.0.0 in the HELO restrictions.
    it.each([
      ["spammer.example", "spammer.example"],
      ["mail.SPAMMER.example", "mail.spammer.example"],
    ])("refuses the blocklisted EHLO name %s", async (name, canonical) => {
      expect(await repliesToHelo(name)).toBe(
        `551 5.0.0 <${name}>: Helo command rejected: Sending domain '${canonical}' has been blocklisted.`,
      );
    });

    it("accepts after a refused name the right one", async () => {
      const smtp = await visit(port);
      await smtp.say("EHLO localhost");
      expect(await smtp.say("EHLO client.example.com")).toMatch(/^250-/);
      expect(await smtp.say("MAIL FROM:<someone@client.example.com>")).toMatch(/^250 /);
      expect(await rcpt(smtp, "john@example.org")).toBe("250 2.1.5 Ok");
    });

    it("refuses a sender before EHLO", async () => {
      const smtp = await visit(port);
      const reply = await smtp.say("MAIL FROM:<someone@client.example.com>");
      const last = delayReject === "no" ? reply : await rcpt(smtp, "john@example.org");
      expect(last).toBe("503 5.5.1 <someone@client.example.com>: Sender address rejected: Polite people say EHLO first.");
    });

    it("refuses an unknown mailbox and goes on", async () => {
      const smtp = await greet(port);
      expect(await rcpt(smtp, "nosuch@example.org")).toBe(
        "550 5.1.2 <nosuch@example.org>: Recipient address rejected: Mailbox does not exist.",
      );
      expect(await rcpt(smtp, "john@example.org")).toBe("250 2.1.5 Ok");
    });

    it.each([
      ["a mailbox", "jane@example.org"],
      ["its other address", "John.Doe@Example.ORG"],
      ["a sub-address", "john+lists@example.org"],
      ["an address of a catch-all", "anything@example.net"],
      ["a postmaster that the directory does not know", "postmaster@example.org"],
      ["a postmaster without a domain", "postmaster"],
    ])("accepts %s", async (_, address) => {
      const smtp = await greet(port);
      expect(await rcpt(smtp, address)).toBe("250 2.1.5 Ok");
      expect(await smtp.say("DATA")).toMatch(/^354 /);
    });

    it("refuses to relay for a stranger", async () => {
      const smtp = await greet(port);
      expect(await rcpt(smtp, "friend@elsewhere.example")).toBe(
        "550 5.1.2 <friend@elsewhere.example>: Recipient address rejected: Relay not allowed.",
      );
    });

    it("relays for a login", async () => {
      const smtp = await greet(port, "john");
      expect(await rcpt(smtp, "friend@elsewhere.example")).toBe("250 2.1.5 Ok");
    });

    it("passes what the MTA serves beside the directory", async () => {
      const smtp = await greet(port);
      expect(await rcpt(smtp, "announce@lists.example.org")).toBe("250 2.1.5 Ok");
    });

    it("refuses the fourth of at most three recipients, and counts a duplicate once", async () => {
      const smtp = await greet(port);
      for (const name of ["john", "jane", "john", "bill"]) expect(await rcpt(smtp, `${name}@example.org`)).toBe("250 2.1.5 Ok");
      expect(await rcpt(smtp, "more@example.net")).toBe("452 4.5.3 <more@example.net>: Recipient address rejected: Too many recipients.");
      expect(await smtp.say("RSET")).toMatch(/^250 /);
      expect(await smtp.say("MAIL FROM:<>")).toMatch(/^250 /);
      expect(await rcpt(smtp, "more@example.net")).toBe("250 2.1.5 Ok");
    });

    it("disconnects at the third bad recipient of a session", async () => {
      const smtp = await greet(port);
      expect(await rcpt(smtp, "nosuch1@example.org")).toMatch(/^550 5\.1\.2 /);
      expect(await rcpt(smtp, "friend@elsewhere.example")).toMatch(/^550 5\.1\.2 /);
      expect(await smtp.say("RSET")).toMatch(/^250 /);
      expect(await smtp.say("MAIL FROM:<other@client.example.com>")).toMatch(/^250 /);
      expect(await rcpt(smtp, "john@example.org")).toBe("250 2.1.5 Ok");
      expect(await rcpt(smtp, "nosuch3@example.org")).toBe(
        "421 4.3.0 <nosuch3@example.org>: Recipient address rejected: Too many errors, disconnecting.",
      );
      expect(await smtp.closed()).toBe(true);
    });

    it("answers VRFY that it is disabled", async () => {
      const smtp = await greet(port);
      expect(await smtp.say("VRFY john@example.org")).toBe("502 5.5.1 <john@example.org>: Recipient address rejected: VRFY is disabled.");
    });
  });

  it("delivers what it accepted", async () => {
    const smtp = await greet(smtpd);
    for (const address of ["bill+tag@example.org", "whoever@example.net"]) expect(await rcpt(smtp, address)).toBe("250 2.1.5 Ok");
    await smtp.say("DATA");
    expect(await smtp.say("Subject: twice\r\n\r\nhello\r\n.")).toMatch(/^250 /);
    const delivered = () => postfix.mail().flatMap((message) => /^X-Original-To: (.*)$/m.exec(message)?.[1] ?? []);
    await expect.poll(delivered).toEqual(expect.arrayContaining(["bill+tag@example.org", "whoever@example.net"]));
  });

  describe("with the service in two lists, without a policy_context", () => {
    it("counts each bad recipient once", async () => {
      const smtp = await greet(twice);
      expect(await rcpt(smtp, "nosuch1@example.org")).toMatch(/^550 5\.1\.2 /);
      expect(await rcpt(smtp, "nosuch2@example.org")).toMatch(/^550 5\.1\.2 /);
      expect(await rcpt(smtp, "nosuch3@example.org")).toMatch(/^421 4\.3\.0 /);
      expect(await smtp.closed()).toBe(true);
    });

    it("counts each good recipient once", async () => {
      const smtp = await greet(twice);
      for (const name of ["john", "jane", "bill"]) expect(await rcpt(smtp, `${name}@example.org`)).toBe("250 2.1.5 Ok");
      expect(await rcpt(smtp, "more@example.net")).toMatch(/^452 4\.5\.3 /);
    });
  });

  describe("asking the submission listener", () => {
    it("answers VRFY", async () => {
      const smtp = await greet(submission, "john");
      expect(await smtp.say("VRFY john@example.org")).toBe("252 2.0.0 john@example.org");
      expect(await smtp.say("VRFY nosuch@example.org")).toMatch(/^550 5\.1\.2 <nosuch@example\.org>: Recipient address rejected: /);
    });

    it("has rules of its own", async () => {
      const smtp = await visit(submission, "john");
      expect(await smtp.say("EHLO laptop")).toMatch(/^250-/);
      expect(await smtp.say("MAIL FROM:<john@example.org>")).toMatch(/^250 /);
      expect(await rcpt(smtp, "friend@elsewhere.example")).toBe("250 2.1.5 Ok");
    });
  });

  describe.each([
    ["a UNIX socket", bySocket, true],
    ["inet:[::1]", byIpv6, hasIpv6],
  ])("asking by %s", (_, port, possible) => {
    it.skipIf(!possible)("refuses and accepts", async () => {
      const smtp = await greet(port);
      expect(await rcpt(smtp, "nosuch@example.org")).toMatch(/^550 5\.1\.2 /);
      expect(await rcpt(smtp, "john@example.org")).toBe("250 2.1.5 Ok");
    });
  });

  it("passes everything in shadow mode and logs what would have been", async () => {
    const smtp = await visit(shadow);
    expect(await smtp.say("EHLO spammer.example")).toMatch(/^250-/);
    expect(await smtp.say("MAIL FROM:<someone@client.example.com>")).toMatch(/^250 /);
    for (let n = 1; n <= 5; n += 1) expect(await rcpt(smtp, `nosuch${n}@example.org`)).toBe("250 2.1.5 Ok");
    const decision = (stage: string, input: Readonly<Record<string, unknown>>) =>
      daemon.logged(
        (line) =>
          line.listener === "shadow" &&
          line.would !== undefined &&
          line.stage === stage &&
          Object.entries(input).every(([key, value]) => line[key] === value),
      );
    expect(await decision("ehlo", { helo: "spammer.example" })).toMatchObject({ event: "decision", verdict: "pass", would: "reject" });
    expect(await decision("rcpt", { recipient: "nosuch1@example.org" })).toMatchObject({
      event: "decision",
      client: "203.0.113.9",
      clientPort: lastPort,
      sender: "someone@client.example.com",
      verdict: "pass",
      would: "reject",
      reason: "unknown-mailbox",
    });
    expect(await decision("rcpt", { recipient: "nosuch3@example.org" })).toMatchObject({ verdict: "pass", would: "disconnect" });
  });

  it("logs every input of a decision", async () => {
    const smtp = await greet(submission, "john");
    const clientPort = lastPort;
    expect(await rcpt(smtp, "nosuch-of-john@example.org")).toMatch(/^550 /);
    const line = await daemon.logged((entry) => entry.recipient === "nosuch-of-john@example.org" && entry.verdict !== "pass");
    expect(line).toMatchObject({
      event: "decision",
      listener: "submission",
      stage: "rcpt",
      client: "203.0.113.9",
      clientPort,
      serverPort: submission,
      helo: "client.example.com",
      auth: "john",
      sender: "someone@client.example.com",
      verdict: "reject",
      reply: "550 5.1.2 Mailbox does not exist.",
      reason: "unknown-mailbox",
    });
    expect(line.instance).toMatch(/^[0-9a-f.]+$/);
    expect(line.ms).toEqual(expect.any(Number));
  });

  describe("the life of the daemon", () => {
    const minimal = (more: string, wait: string) => `
[server]
trusted-networks = []
[listener.smtp]
protocol = "policy"
bind = ["127.0.0.1:${policyMortal}"]
[directory.local]
type = "memory"
principals = [{ name = "john", class = "individual", email = ["john@example.org", ${more}] }]
[session.rcpt.errors]
wait = "${wait}"
`;
    async function start(wait = "0s"): Promise<Daemon> {
      const started = await startDaemon({
        directory: join(scratch, "mortal"),
        config: minimal("", wait),
        listening: [local(policyMortal)],
      });
      onTestFinished(async () => void (await started.stop()));
      return started;
    }
    const request = (recipient: string) =>
      `request=smtpd_access_policy\nprotocol_state=RCPT\nclient_address=203.0.113.9\nclient_port=9\nhelo_name=a.example\nrecipient=${recipient}\n\n`;

    it("takes a new configuration by SIGHUP and drops no connection", async () => {
      const mortalDaemon = await start();
      const idle = connect(policyMortal, "127.0.0.1");
      await once(idle, "connect");
      const smtp = await greet(mortal);
      expect(await rcpt(smtp, "new@example.org")).toMatch(/^550 5\.1\.2 /);
      mortalDaemon.reload(minimal(`"new@example.org"`, "0s"));
      await mortalDaemon.logged((line) => line.event === "reload");
      expect(await rcpt(smtp, "new2@example.org")).toMatch(/^550 5\.1\.2 /);
      expect(await smtp.say("RSET")).toMatch(/^250 /);
      expect(await smtp.say("MAIL FROM:<>")).toMatch(/^250 /);
      expect(await rcpt(smtp, "new@example.org")).toBe("250 2.1.5 Ok");
      idle.write(request("new@example.org"));
      expect(String((await once(idle, "data"))[0])).toBe("action=DUNNO\n\n");
      idle.destroy();
      expect(postfix.log()).not.toContain(`problem talking to server 127.0.0.1:${policyMortal}`);
      expect(await mortalDaemon.stop()).toBe(0);
    });

    it("keeps connections when limits change, and all of it when a socket cannot be bound", async () => {
      const mortalDaemon = await start();
      const idle = connect(policyMortal, "127.0.0.1");
      await once(idle, "connect");
      const ask = async (recipient: string) => {
        idle.write(request(recipient));
        return String((await once(idle, "data"))[0]);
      };
      expect(await ask("john@example.org")).toBe("action=DUNNO\n\n");
      const changed = minimal(`"new@example.org"`, "0s");
      mortalDaemon.reload(changed.replace(/^bind = /m, "max-connections = 50\nbind = "));
      await mortalDaemon.logged((line) => line.event === "reload");
      expect(await ask("new@example.org")).toBe("action=DUNNO\n\n");
      // Postfix listens on this port.
      mortalDaemon.reload(changed.replace(/^bind = \[/m, `bind = ["127.0.0.1:${mortal}", `));
      await mortalDaemon.logged((line) => line.event === "reload" && String(line.msg).includes("previous configuration stays active"));
      expect(await ask("new@example.org")).toBe("action=DUNNO\n\n");
      idle.destroy();
      expect(await mortalDaemon.stop()).toBe(0);
    });

    it("keeps the old configuration when the new one is wrong", async () => {
      const mortalDaemon = await start();
      mortalDaemon.reload("[listener.smtp]\nprotocl = 1\n");
      await mortalDaemon.logged((line) => JSON.stringify(line).includes("protocl"));
      expect(await rcpt(await greet(mortal), "john@example.org")).toBe("250 2.1.5 Ok");
      expect(await mortalDaemon.stop()).toBe(0);
    });

    it("ends under a session, which is deferred until there is a daemon again", async () => {
      const first = await start();
      const smtp = await greet(mortal);
      expect(await rcpt(smtp, "john@example.org")).toBe("250 2.1.5 Ok");
      expect(await first.stop()).toBe(0);
      expect(await rcpt(smtp, "john+2@example.org")).toBe(
        "451 4.3.5 <client.example.com>: Helo command rejected: Server configuration problem",
      );
      const second = await start();
      expect(await rcpt(smtp, "john+3@example.org")).toBe("250 2.1.5 Ok");
      expect(await second.stop()).toBe(0);
    });

    it("answers what is under way before it ends", async () => {
      const mortalDaemon = await start("1s");
      const client = connect(policyMortal, "127.0.0.1");
      client.write(request("nosuch@example.org"));
      // Another connection, made and answered later, shows that the first request has been read.
      const other = connect(policyMortal, "127.0.0.1");
      other.write(request("john@example.org"));
      await once(other, "data");
      const answer = once(client, "data");
      const end = once(client, "end");
      expect(await mortalDaemon.stop()).toBe(0);
      expect(String((await answer)[0])).toBe("action=550 5.1.2 Mailbox does not exist.\n\n");
      await end;
    });
  });
});

describe("the quickstart", () => {
  it("serves, prints the line to try it with, and says what it would refuse", async () => {
    const directory = mkdtempSync("/tmp/postern-policy-");
    const [port = 0] = await freePorts(1);
    const config = substitute(read("contrib/examples/quickstart.toml"), ["127.0.0.1:10040", `127.0.0.1:${port}`]);
    const daemon = await startDaemon({ directory, config, listening: [local(port)] });
    onTestFinished(async () => {
      await daemon.stop();
      rmSync(directory, { recursive: true, force: true });
    });
    const hint = await daemon.logged((line) => line.event === "directory");
    expect(hint.msg).toMatch(/knows only example\.org; .* is refused/);
    expect(hint.msg).toContain(`warn_if_reject check_policy_service inet:127.0.0.1:${port}`);
    expect(await daemon.stop()).toBe(0);
  });
});
