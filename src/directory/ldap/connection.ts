/**
 * One connection to an LDAP server (RFC 4511): opened, protected and bound once, and never opened again. Left alone, ldapts would
 * connect again by itself, in the clear where StartTLS was, and not bound.
 */
import { once } from "node:events";
import { connect, isIP, type Socket } from "node:net";
import type { ConnectionOptions } from "node:tls";
import type { Client } from "ldapts";
import { UnusableAnswer } from "../../answer/temporary-error.ts";
import { PendingAnswer } from "../../store/pending-answer.ts";
import { present } from "../../store/present.ts";
import { cleanText } from "../../text/controls.ts";
import { onDemand } from "../../text/on-demand.ts";
import { explain, invalidCredentials, invalidDnSyntax, newClient, noSuchObject, resultCodeOf } from "./driver.ts";
import { type LdapEntry, toEntry } from "./entry.ts";
import type { LdapServerSettings, LdapSettings } from "./ldap-settings.ts";

const nodeTls = onDemand<typeof import("node:tls")>("node:tls");

/** Searches that a server has to do at once; OpenLDAP closes a connection on which more than 100 wait (`conn_max_pending`). */
const maxRunning = 50;
/** Further ones that wait here; the next fails at once. */
const maxWaiting = 1000;
/** Before firewalls forget it, and servers close it. */
const idleMs = 60_000;

const startTls = "1.3.6.1.4.1.1466.20037"; // RFC 4511 4.14

export interface Search {
  /** What it is for, as a failure of its own is reported. */
  readonly what: string;
  readonly base: string;
  readonly scope: "base" | "sub";
  readonly filter: string;
  readonly attributes: readonly string[];
  /** Entries, at most; there may be more of them. */
  readonly sizeLimit: number;
  /** `base` is a value of an entry: it need not exist, and what is wrong with it is its own fault. */
  readonly mayBeMissing?: boolean;
}

export class LdapConnection {
  readonly #client: Client;
  readonly #socket: Socket;
  readonly #timeLimit: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;
  #answers = 0;

  constructor(client: Client, socket: Socket, timeoutMs: number) {
    this.#client = client;
    this.#socket = socket;
    this.#timeLimit = Math.ceil(timeoutMs / 1000);
    socket.setTimeout(idleMs, () => this.close());
  }

  get isOpen(): boolean {
    return this.#client.isConnected && !this.#socket.destroyed;
  }

  /** How many searches the server has answered. */
  get answers(): number {
    return this.#answers;
  }

  /** Rejects with the error of ldapts. Nothing is asked if `isWanted` is false when its turn comes. */
  async search(search: Search, isWanted: () => boolean): Promise<readonly LdapEntry[]> {
    await this.#turn();
    try {
      if (!this.isOpen) throw new Error("the connection was closed");
      return isWanted() ? await this.#ask(search) : [];
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }

  /** Searches in progress fail. */
  close(): void {
    this.#client.unbind().catch(() => {});
    this.#socket.destroy();
  }

  async #ask({ base, scope, filter, attributes, sizeLimit, mayBeMissing }: Search): Promise<readonly LdapEntry[]> {
    try {
      const options = { scope, filter, attributes: [...attributes], sizeLimit, timeLimit: this.#timeLimit };
      // What other servers hold is in searchReferences: it is not followed.
      const { searchEntries } = await this.#client.search(base, options);
      this.#answers += 1;
      return searchEntries.map(toEntry);
    } catch (error) {
      const code = resultCodeOf(error);
      if (code !== undefined) this.#answers += 1;
      if (code === noSuchObject && mayBeMissing) return [];
      if (code === invalidDnSyntax && mayBeMissing)
        throw new UnusableAnswer(`"${cleanText(base)}" names no entry for the server`, { cause: error });
      if (code === noSuchObject) throw new Error(`there is no entry "${base}", or it may not be read`, { cause: error });
      throw explain(error, base);
    }
  }

  #turn(): Promise<void> | undefined {
    if (this.#running < maxRunning) {
      this.#running += 1;
      return undefined;
    }
    if (this.#waiting.length >= maxWaiting) throw new Error(`${maxWaiting} searches wait already`);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }
}

/** Rejects when it is not bound within `settings.timeoutMs`. */
export function openConnection(settings: LdapSettings, server: LdapServerSettings): Promise<LdapConnection> {
  const { timeoutMs } = settings;
  const { host, port } = server;
  const tls: ConnectionOptions = { host, ...(isIP(host) === 0 && { servername: host }), ...present(settings.tls) };
  const socket = server.tls === "from-start" ? nodeTls().connect({ ...tls, port }) : connect({ host, port });
  socket.on("error", () => {});
  const opened = new PendingAnswer<LdapConnection>(timeoutMs, () => {
    socket.destroy();
    return new Error(`no answer in ${timeoutMs} ms`);
  });
  const open = async () => {
    await once(socket, server.tls === "from-start" ? "secureConnect" : "connect");
    const safe = server.tls === "starttls" ? await upgrade(socket, tls) : socket;
    const client = clientOn(safe);
    await bind(client, settings.bind);
    return new LdapConnection(client, safe, timeoutMs);
  };
  open().then(
    (connection) => opened.resolve(connection),
    (error: unknown) => {
      socket.destroy();
      opened.reject(error);
    },
  );
  return opened.promise;
}

/** By a client of its own, so that nothing that came in the clear is read as if it had come by TLS. */
async function upgrade(socket: Socket, tls: ConnectionOptions): Promise<Socket> {
  try {
    await clientOn(socket).exop(startTls);
  } catch (cause) {
    if (resultCodeOf(cause) === undefined) throw cause;
    throw new Error('the server refuses StartTLS. Switch it on there, or use ldaps://; on a safe network, write tls = "disable"', {
      cause,
    });
  }
  socket.removeAllListeners("data");
  const safe = nodeTls().connect({ ...tls, socket });
  safe.on("error", () => {});
  await once(safe, "secureConnect");
  return safe;
}

/** Deadlines are kept by who asks: at those of ldapts, one slow search would end all others. */
function clientOn(socket: Socket): Client {
  return newClient({ url: "ldap://localhost", createConnection: () => socket });
}

/** Anonymously, too: until it answers that, a server is not known to work. */
async function bind(client: Client, account: LdapSettings["bind"]): Promise<void> {
  try {
    await client.bind(account?.dn ?? "", account?.password ?? "");
  } catch (cause) {
    throw resultCodeOf(cause) === invalidCredentials
      ? new Error("bind-dn or its password is wrong", { cause })
      : explain(cause, account?.dn ?? "");
  }
}
