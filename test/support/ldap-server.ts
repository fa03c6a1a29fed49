/** A small LDAP server on loopback (RFC 4511) that answers as a test says: late, never, or in portions as Active Directory does. */
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { BerReader, BerWriter, FilterParser } from "ldapts";

export interface LdapQuestion {
  readonly base: string;
  readonly filter: string;
  readonly attributes: readonly string[];
}

/** Values by the names of attributes. */
export type LdapAnswer = Readonly<Record<string, readonly string[]>>;

type Answers = (question: LdapQuestion) => Promise<LdapAnswer | undefined> | LdapAnswer | undefined;

export class LdapServer {
  /** Attempts to bind. */
  binds = 0;
  refusesBinds = false;
  /** The result code of searches, whatever was found. */
  searchResult = 0;
  /** Other servers that it names in each search. */
  references: readonly string[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  /** `answer`: one entry with the name `base`, nothing, or no answer at all while the promise is pending. */
  constructor(answer: Answers) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      let rest = Buffer.alloc(0);
      socket.on("error", () => {});
      socket.on("data", (chunk: Buffer) => {
        rest = Buffer.concat([rest, chunk]);
        for (
          let reader = new BerReader(rest);
          reader.readSequence() !== null && reader.remain >= reader.length;
          reader = new BerReader(rest)
        ) {
          const end = rest.length - reader.remain + reader.length;
          void this.#handle(new BerReader(rest.subarray(0, end)), socket, answer);
          rest = rest.subarray(end);
        }
      });
    });
  }

  async start(): Promise<number> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    const address = this.#server.address();
    return typeof address === "object" ? (address?.port ?? 0) : 0;
  }

  stop(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  async #handle(reader: BerReader, socket: Socket, answer: Answers): Promise<void> {
    reader.readSequence();
    const id = reader.readInt() ?? 0;
    const operation = reader.readSequence();
    if (operation === 0x60) {
      this.binds += 1;
      socket.write(result(id, 0x61, this.refusesBinds ? 49 : 0));
    } else if (operation === 0x63) {
      const base = reader.readString() ?? "";
      for (const _ of ["scope", "aliases"]) reader.readEnumeration();
      for (const _ of ["size", "time"]) reader.readInt();
      reader.readBoolean();
      const filter = FilterParser.parse(reader).toString();
      const attributes: string[] = [];
      reader.readSequence();
      while (reader.remain > 0) attributes.push(reader.readString() ?? "");
      const found = await answer({ base, filter, attributes });
      if (found !== undefined) socket.write(entry(id, base, found));
      for (const url of this.references) socket.write(message(id, 0x73, (writer) => writer.writeString(url)));
      socket.write(result(id, 0x65, this.searchResult));
    }
  }
}

function message(id: number, operation: number, write: (writer: BerWriter) => void): Buffer {
  const writer = new BerWriter();
  writer.startSequence();
  writer.writeInt(id);
  writer.startSequence(operation);
  write(writer);
  writer.endSequence();
  writer.endSequence();
  return writer.buffer;
}

function result(id: number, operation: number, code = 0): Buffer {
  return message(id, operation, (writer) => {
    writer.writeEnumeration(code);
    writer.writeString("");
    writer.writeString("");
  });
}

function entry(id: number, dn: string, attributes: LdapAnswer): Buffer {
  return message(id, 0x64, (writer) => {
    writer.writeString(dn);
    writer.startSequence();
    for (const [name, values] of Object.entries(attributes)) {
      writer.startSequence();
      writer.writeString(name);
      writer.startSequence(0x31);
      for (const value of values) writer.writeString(value);
      writer.endSequence();
      writer.endSequence();
    }
    writer.endSequence();
  });
}
