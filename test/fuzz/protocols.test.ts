/**
 * Whatever a peer sends, in whatever portions: a decoder gives requests or a `ProtocolError`, and a front end gives replies of its
 * protocol, with work that grows as the octets do and memory within its bounds.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DelayedReplies } from "../../src/frontend/connection/delayed-replies.ts";
import type { Decoder, Protocol } from "../../src/frontend/connection/protocol.ts";
import { milterProtocol, openMilter } from "../../src/frontend/milter/milter.ts";
import { answerPolicy, policyProtocol } from "../../src/frontend/policy/policy.ts";
import { type MemoryLimits, SessionMemory } from "../../src/frontend/policy/session-memory.ts";
import { answerSocketmap, socketmapProtocol } from "../../src/frontend/socketmap/socketmap.ts";
import { CommandDecoder } from "../../src/wire/milter/command.ts";
import { PacketDecoder } from "../../src/wire/milter/packet.ts";
import { NetstringDecoder } from "../../src/wire/netstring.ts";
import { PolicyDecoder } from "../../src/wire/policy.ts";
import { ProtocolError } from "../../src/wire/protocol-error.ts";
import { SocketmapDecoder } from "../../src/wire/socketmap.ts";
import { workOf } from "../support/count-work.ts";
import { hostileBytes } from "../support/hostile.ts";
import { octetsInUse } from "../support/kept.ts";
import { ask } from "../support/loopback-server.ts";
import { type World, world } from "../support/mail-domain.ts";
import { frame, strings, uint32 } from "../support/milter-frames.ts";
import { connect, milterWorld } from "../support/milter-mta.ts";
import { cut, decodeAll, latin1, places } from "../support/portions.ts";
import { isLong, runs } from "../support/runs.ts";

/** As a conversation holds it, with sources that answer at once. */
interface Connection {
  receive(portion: Buffer, check: (reply: Buffer) => void): Promise<void>;
  close(): void;
}

interface Served {
  readonly connect: () => Connection;
  /** What is kept beyond a connection, in octets, and its bound. */
  readonly kept: () => number;
  readonly max: number;
  readonly bugs: () => readonly unknown[];
  /** What the tests themselves remember of it. */
  readonly forget: () => void;
}

interface Wire {
  readonly decoder: () => Decoder<unknown>;
  readonly samples: readonly Buffer[];
  readonly open: () => Served;
  /** Throws when what was replied is not of the protocol. */
  readonly check: (reply: Buffer) => void;
}

const delayed = new DelayedReplies(() => 0);
const limits: MemoryLimits = { sessions: 1000, octets: 1_000_000 };

function watched({ notices, decisions, causes, directory }: World): Pick<Served, "bugs" | "forget"> {
  return {
    bugs: () => notices.filter(({ kind }) => kind === "internal-error"),
    forget() {
      for (const list of [notices, decisions, causes, directory.asked]) list.length = 0;
    },
  };
}

/** Each event that an MTA sends, in the order of a session. */
const milterFrames = [
  frame("O", uint32(6) + uint32(0x1ff) + uint32(0x1fffff)),
  frame("D", `C${strings("j", "mx.example.org", "{daemon_port}", "25")}`),
  frame("C", connect()),
  frame("H", strings("mx.client.example")),
  frame("D", `M${strings("i", "4F5", "{auth_authen}", "john")}`),
  frame("M", strings("<a@client.example>", "SIZE=100", "BODY=8BITMIME")),
  frame("R", strings("<sales@example.org>", "NOTIFY=NEVER", "ORCPT=rfc822;sales@example.org")),
  frame("R", strings("<nobody@example.org>")),
  frame("T"),
  frame("L", strings("Subject", "x")),
  frame("N"),
  frame("B", "body"),
  frame("E"),
  frame("A"),
  frame("K"),
  frame("Q"),
];

const wires: Readonly<Record<string, Wire>> = {
  policy: {
    decoder: () => new PolicyDecoder(),
    samples: [
      ask("john@example.org"),
      ask("nobody@example.org"),
      "request=smtpd_access_policy\nprotocol_state=EHLO\nclient_address=2001:db8::1\nclient_port=7\nhelo_name=[192.0.2.1]\n\n",
      "protocol_state=VRFY\nrecipient=john\npolicy_context=recipient\n\nprotocol_state=DATA\nsize=10\nstress=yes\n\n",
      'protocol_state=MAIL\nsender="a b"@x.example\nsasl_username=John\nencryption_protocol=TLSv1.3\ninstance=1.2\r\n\r\n',
    ].map((text) => Buffer.from(text)),
    open() {
      const memory = new SessionMemory(limits);
      const place = world({ memory });
      const answer = answerPolicy(place.options);
      return {
        connect: () => connection(policyProtocol(answer, delayed)),
        kept: () => memory.octets,
        max: limits.octets,
        ...watched(place),
      };
    },
    check: (reply) => expect(reply.toString()).toMatch(/^action=\S[^\n]*\n\n$/),
  },
  socketmap: {
    decoder: () => new SocketmapDecoder(),
    samples: ["aliases a@b.test", "recipients john@x.y", "lookup/blocked a.test", "", "access 192.0.2.1", "helo mx.x"].map((text) =>
      latin1(`${text.length}:${text},`),
    ),
    open() {
      const place = world();
      const answer = answerSocketmap({ ...place.options, onLookup: () => {} });
      return {
        connect: () => connection(socketmapProtocol(answer, delayed)),
        kept: () => 0,
        max: 0,
        ...watched(place),
      };
    },
    check(reply) {
      const { values, error } = decodeAll(new NetstringDecoder(200_000), [reply]);
      expect([values.length, error]).toEqual([1, undefined]);
      expect(String(values[0])).toMatch(/^(?:OK .|NOTFOUND |TEMP .|PERM .)/s);
    },
  },
  milter: {
    decoder: () => new CommandDecoder(),
    samples: [Buffer.concat(milterFrames), Buffer.concat(milterFrames.slice(0, 9)), ...milterFrames],
    open() {
      const place = world();
      const begin = openMilter(milterWorld(place).options);
      return {
        connect: () => connection(milterProtocol(begin(), delayed)),
        kept: () => 0,
        max: 0,
        ...watched(place),
      };
    },
    check(reply) {
      const { values, error } = decodeAll(new PacketDecoder(), [reply]);
      expect(error).toBeUndefined();
      for (const { letter } of values) expect("O+-2ceshy").toContain(letter);
    },
  },
};

describe.each(Object.entries(wires))("%s", (_, { decoder, samples, open, check }) => {
  test("a decoder knows whether what has come ends within a request", () => {
    const whole = Buffer.concat(samples);
    const requests = (bytes: Buffer) => {
      const one = decoder();
      const { values, error } = decodeAll(one, [bytes]);
      expect(error).toBeUndefined();
      return { count: values.length, isMidway: one.isMidway };
    };
    let before = requests(whole.subarray(0, 0));
    expect(before).toEqual({ count: 0, isMidway: false });
    for (let end = 1; end <= whole.length; end += 1) {
      const now = requests(whole.subarray(0, end));
      expect(now, `after ${end} octets`).toEqual({ count: now.count, isMidway: now.count === before.count });
      before = now;
    }
    expect(before.isMidway).toBe(false);
  });

  test("any octets give replies of the protocol or end the connection", async () => {
    let served = open();
    let count = 0;
    await fc.assert(
      fc.asyncProperty(hostileBytes(samples), places, async (bytes, cuts) => {
        // What is kept fills up over many connections, and is begun anew so that each failure can be repeated.
        count += 1;
        if (count % 5000 === 0) served = open();
        await talk(served.connect(), cut(bytes, cuts), check);
        if (served.kept() > served.max) throw new Error(`${served.kept()} octets are kept`);
        if (served.bugs().length > 0) throw served.bugs()[0];
      }),
      { numRuns: isLong ? 1_000_000 : 5000 },
    );
  }, 3_600_000);

  test("a connection keeps no more than a few times what came over it", async () => {
    const served = open();
    const connections: Connection[] = [];
    const send = async (inputs: readonly Buffer[]) => {
      for (const bytes of inputs) {
        const one = served.connect();
        if (await isTaken(one, [bytes], () => {})) connections.push(one);
        else one.close();
        served.forget();
      }
    };
    const whole = [...samples, Buffer.concat(samples), Buffer.concat(samples).subarray(0, -1)];
    // Code is compiled on its first use, and kept.
    await send(fc.sample(hostileBytes(whole), 200));
    const inputs = fc.sample(hostileBytes(whole), runs(400));
    const [count, before] = [connections.length, octetsInUse()];
    await send(inputs);
    const kept = octetsInUse() - before;
    const octets = inputs.reduce((sum, bytes) => sum + bytes.length, 0);
    expect(connections.length - count).toBeGreaterThan(inputs.length / 20);
    expect(kept).toBeLessThan(8 * octets + 10_000 * (connections.length - count) + 1_000_000);
  });

  test("take work in proportion to their number", async () => {
    for (const bytes of fc.sample(hostileBytes(samples), runs(3))) {
      const sent = (times: number) => Array.from({ length: times }, () => bytes);
      const work = async (times: number) => await workOf("/src/", () => talk(open().connect(), sent(times), () => {}));
      const once = await work(50);
      expect(await work(400)).toBeLessThan(16 * once + 5000);
    }
  });
});

function connection<Request>({ decoder, answer, onClose }: Protocol<Request>): Connection {
  return {
    async receive(portion, check) {
      decoder.push(portion);
      for (let request = decoder.next(); request !== undefined; request = decoder.next()) {
        const reply = await answer(request);
        if (reply !== undefined) check(Buffer.from(reply.text));
      }
    },
    close: () => onClose?.(),
  };
}

/** Whether the connection goes on: what breaks the protocol ends it. */
async function isTaken(on: Connection, portions: readonly Buffer[], check: (reply: Buffer) => void): Promise<boolean> {
  try {
    for (const portion of portions) await on.receive(portion, check);
    return true;
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    return false;
  }
}

async function talk(on: Connection, portions: readonly Buffer[], check: (reply: Buffer) => void): Promise<void> {
  try {
    await isTaken(on, portions, check);
  } finally {
    on.close();
  }
}
