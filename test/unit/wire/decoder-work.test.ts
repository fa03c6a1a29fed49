/** A decoder's work is linear in the octets that come, however small the portions and the messages are. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { portionOctets } from "../../../src/wire/backlog.ts";
import { maxPacketOctets, PacketDecoder } from "../../../src/wire/milter/packet.ts";
import { maxRequestOctets, PolicyDecoder } from "../../../src/wire/policy.ts";
import { maxQueryOctets, SocketmapDecoder } from "../../../src/wire/socketmap.ts";
import { octetsAllocated } from "../../support/allocated.ts";
import { workOf } from "../../support/count-work.ts";
import { decodeAll, latin1 } from "../../support/portions.ts";

const policy = () => new PolicyDecoder();
const socketmap = () => new SocketmapDecoder();
const milter = () => new PacketDecoder();

function packet(length: number): string {
  const header = Buffer.alloc(4);
  header.writeUInt32BE(length);
  return `${header.toString("latin1")}${"B".repeat(length)}`;
}

const streams: [
  what: string,
  decoder: () => { push(bytes: Buffer): void; keep(): void; next(): unknown },
  bytes: string,
  messages: number,
][] = [
  ["policy: the longest line", policy, `sender=${"x".repeat(maxRequestOctets - 9)}\n\n`, 1],
  ["policy: the most lines", policy, `${"a=b\n".repeat(maxRequestOctets / 4 - 1)}\n`, 1],
  ["policy: the most lines, CRLF", policy, `${"a=\r\n".repeat(maxRequestOctets / 4 - 1)}\r\n`, 1],
  ["policy: many small requests", policy, "a=\n\n".repeat(16_000), 16_000],
  ["policy: many small requests, CRLF", policy, "a=\r\n\r\n".repeat(10_000), 10_000],
  ["socketmap: the longest request", socketmap, `${maxQueryOctets}:${"x".repeat(maxQueryOctets)},`, 1],
  ["socketmap: an overlong request", socketmap, `100000:${"x".repeat(100_000)},`, 1],
  ["socketmap: many small requests", socketmap, "0:,".repeat(20_000), 20_000],
  ["milter: the longest packet", milter, packet(maxPacketOctets), 1],
  ["milter: many small packets", milter, packet(1).repeat(20_000), 20_000],
];
const portions: [what: string, octets: number][] = [
  ["octet by octet", 1],
  ["in pieces of seven", 7],
  ["as a socket reads", 65_536],
];

afterEach(() => vi.restoreAllMocks());

describe.each(streams)("%s", (_, open, text, messages) => {
  test.each(portions)("%s", async (__, octets) => {
    const bytes = latin1(text);
    const pieces = Array.from({ length: Math.ceil(bytes.length / octets) }, (___, index) =>
      bytes.subarray(index * octets, (index + 1) * octets),
    );
    const copy = vi.spyOn(Buffer.prototype, "copy");
    let decoded: ReturnType<typeof decodeAll> | undefined;
    const blocks = await workOf("/src/wire/", () => {
      decoded = decodeAll(open(), pieces);
    });
    expect(decoded?.error).toBeUndefined();
    expect(decoded?.values).toHaveLength(messages);

    expect(blocks / bytes.length).toBeLessThan(100);
    const copied = copy.mock.results.reduce((sum, { value }) => sum + Number(value), 0);
    expect(copied / bytes.length).toBeLessThan(4);
    copy.mockRestore();
    expect(octetsAllocated(() => decodeAll(open(), pieces)) / bytes.length).toBeLessThan(2000);
  });
});

const small: [what: string, decoder: () => { push(bytes: Buffer): void; keep(): void; next(): unknown }, bytes: string, largest: number][] =
  [
    ["policy", policy, "a=b\n\n", maxRequestOctets],
    ["socketmap", socketmap, "1:x,", maxQueryOctets],
    ["milter", milter, packet(96), maxPacketOctets],
  ];

describe.each(small)("%s, each small message answered as one comes", (_, open, text, largest) => {
  test.each([0.1, 0.5, 0.8, 0.95, 0.99, 0.999, 1.1])("%d of the largest wait", (part) => {
    const message = latin1(text);
    const decoder = open();
    const push = () => {
      decoder.push(message);
      decoder.keep();
    };
    for (let octets = message.length; octets < part * largest; octets += message.length) push();
    const copy = vi.spyOn(Buffer.prototype, "copy");
    let rounds = 0;
    for (let octets = 0; octets < 2 * largest; octets += message.length) {
      push();
      if (decoder.next() !== undefined) rounds += 1;
    }
    const copied = copy.mock.results.reduce((sum, { value }) => sum + Number(value), 0);
    expect(copied / (rounds * message.length)).toBeLessThan(4);
  });
});

/** Without its last octet. */
const unfinished: typeof streams = streams.filter(([what]) => what.includes("longest"));

test.each(unfinished)("%s: what is not whole takes no more room than it has octets", (_, open, text) => {
  const bytes = latin1(text).subarray(0, -1);
  const allocate = vi.spyOn(Buffer, "allocUnsafe");
  const decoder = open();
  for (let from = 0; from < bytes.length; from += 1000) {
    decoder.push(bytes.subarray(from, from + 1000));
    expect(decoder.next()).toBeUndefined();
  }
  expect(Math.max(...allocate.mock.calls.map(([octets]) => octets))).toBeLessThanOrEqual(bytes.length + 16);
});

test.each(unfinished)("%s: a little that follows it takes little room", (_, open, text) => {
  const decoder = open();
  const bytes = latin1(text);
  for (let from = 0; from < bytes.length; from += portionOctets) {
    decoder.push(
      Buffer.concat([bytes.subarray(from, from + portionOctets), bytes.subarray(0, from + portionOctets < bytes.length ? 0 : 3)]),
    );
    decoder.keep();
  }
  const allocate = vi.spyOn(Buffer, "allocUnsafe");
  expect(decoder.next()).toBeDefined();
  decoder.keep();
  expect(allocate.mock.calls).toEqual([[3]]);
});
