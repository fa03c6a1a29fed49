/** A small DNS server on loopback (RFC 1035): it answers from a table, records the questions, and misbehaves where the table says so. */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import ipaddr from "ipaddr.js";

export type DnsRecord =
  | { readonly type: "A" | "AAAA"; readonly address: string; readonly ttl?: number }
  | { readonly type: "MX"; readonly preference: number; readonly host: string }
  /** A character of a chunk is an octet. */
  | { readonly type: "TXT"; readonly chunks: readonly string[] }
  | { readonly type: "PTR" | "CNAME"; readonly host: string };

/** The records of a name, or what happens: `noname`, the default, is NXDOMAIN; `garbage` is sent instead of a DNS message. */
export type DnsEntry = readonly DnsRecord[] | keyof typeof failures | "silence" | "garbage";

const failures = { format: 1, fail: 2, noname: 3, unknown: 4, refuse: 5 } as const;

const types = { A: 1, CNAME: 5, PTR: 12, MX: 15, TXT: 16, AAAA: 28 } as const;

export class DnsServer {
  /** Such as `A example.org`, in the order of arrival. */
  readonly asked: string[] = [];
  /** By name, or by type and name, such as `A example.org`. */
  entries: Map<string, DnsEntry>;
  readonly #socket: Socket;

  constructor(socket: Socket, entries: Record<string, DnsEntry>) {
    this.#socket = socket;
    this.entries = new Map(Object.entries(entries));
    socket.on("message", (query, peer) => {
      const answer = this.#answer(query);
      if (answer !== undefined) socket.send(answer, peer.port, peer.address);
    });
  }

  static async start(entries: Record<string, DnsEntry>): Promise<DnsServer> {
    const socket = createSocket("udp4");
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    return new DnsServer(socket, entries);
  }

  get address(): string {
    return `127.0.0.1:${this.#socket.address().port}`;
  }

  async stop(): Promise<void> {
    this.#socket.close();
    await once(this.#socket, "close");
  }

  #answer(query: Buffer): Buffer | undefined {
    const [name, end] = nameAt(query, 12);
    const number = query.readUInt16BE(end);
    const type = Object.entries(types).find(([, value]) => value === number)?.[0] ?? String(number);
    this.asked.push(`${type} ${name}`);
    const entry = this.entries.get(`${type} ${name}`) ?? this.entries.get(name) ?? "noname";
    if (entry === "silence") return undefined;
    if (entry === "garbage") return Buffer.concat([query.subarray(0, 2), Buffer.from("nothing that is DNS")]);
    const code = typeof entry === "string" ? failures[entry] : 0;
    const records = typeof entry === "string" ? [] : entry.filter((record) => record.type === type || record.type === "CNAME");
    const header = Buffer.alloc(12);
    query.copy(header, 0, 0, 2);
    header.writeUInt16BE(0x8180 | code, 2); // a response; recursion desired and available
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(records.length, 6);
    return Buffer.concat([header, query.subarray(12, end + 4), ...records.map((record) => recordOf(name, record))]);
  }
}

function nameAt(message: Buffer, start: number): [name: string, end: number] {
  const labels: string[] = [];
  let at = start;
  for (let length = message[at] ?? 0; length > 0; length = message[at] ?? 0) {
    labels.push(message.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return [labels.join(".").toLowerCase(), at + 1];
}

function recordOf(owner: string, record: DnsRecord): Buffer {
  const data = dataOf(record);
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(types[record.type], 0);
  fixed.writeUInt16BE(1, 2); // class IN
  fixed.writeUInt32BE("ttl" in record ? (record.ttl ?? 300) : 300, 4);
  fixed.writeUInt16BE(data.length, 8);
  return Buffer.concat([encoded(owner), fixed, data]);
}

function dataOf(record: DnsRecord): Buffer {
  switch (record.type) {
    case "A":
    case "AAAA":
      return Buffer.from(ipaddr.parse(record.address).toByteArray());
    case "MX":
      return Buffer.concat([Buffer.from([record.preference >> 8, record.preference & 255]), encoded(record.host)]);
    case "TXT":
      return Buffer.concat(record.chunks.map((chunk) => Buffer.concat([Buffer.from([chunk.length]), Buffer.from(chunk, "latin1")])));
    case "PTR":
    case "CNAME":
      return encoded(record.host);
  }
}

function encoded(name: string): Buffer {
  const labels = name.split(".").filter((label) => label !== "");
  return Buffer.concat([...labels.map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)])), Buffer.from([0])]);
}
