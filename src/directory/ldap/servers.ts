/** The LDAP servers of a directory, which hold the same: asked in order, those that have failed last. */
import type { OnAvailability } from "../../answer/availability.ts";
import type { WaitedFor } from "../../answer/patience.ts";
import { TemporaryError, UnusableAnswer } from "../../answer/temporary-error.ts";
import type { Connection } from "../open-directory.ts";
import type { Search } from "./connection.ts";
import type { LdapEntry } from "./entry.ts";
import type { LdapSettings } from "./ldap-settings.ts";
import { LdapServer } from "./server.ts";

export class LdapServers {
  readonly source: WaitedFor;
  readonly #servers: readonly LdapServer[];
  readonly #now: () => number;

  /** Connects when it is first asked. `now` in milliseconds; it never goes back. */
  constructor(settings: LdapSettings, now: () => number, onAvailability: OnAvailability) {
    this.#servers = settings.servers.map((server) => new LdapServer(settings, server, now, onAvailability));
    this.#now = now;
    const [first] = this.#servers;
    this.source = {
      name: `directory "${settings.name}"`,
      timeoutMs: settings.timeoutMs,
      onLate: (error) => first?.availability.failed("", error),
    };
  }

  /** When a question that begins now must have its answer. */
  deadline(): number {
    return this.#now() + this.source.timeoutMs;
  }

  /** Each server that may have to be asked has its share of the time that is left. Rejects with a `TemporaryError`. */
  async search(search: Search, endsAt: number): Promise<readonly LdapEntry[]> {
    let failure: unknown;
    const servers = this.#inOrder();
    for (const [index, server] of servers.entries()) {
      const shareMs = (endsAt - this.#now()) / (servers.length - index);
      if (shareMs <= 0) break;
      try {
        return await server.search(search, shareMs);
      } catch (error) {
        // Another one has the same.
        if (error instanceof UnusableAnswer) throw error;
        failure = error;
      }
    }
    throw failure ?? new TemporaryError(`${this.source.name}: no answer in ${this.source.timeoutMs} ms`);
  }

  /** What tries these searches on each server, whose URL is its name. */
  connections(searches: readonly Search[]): readonly Connection[] {
    return this.#servers.map((server) => ({
      name: server.url,
      connect: async () => {
        for (const search of searches) await server.search(search, this.source.timeoutMs);
        return "connected";
      },
    }));
  }

  close(): void {
    for (const server of this.#servers) server.close();
  }

  #inOrder(): readonly LdapServer[] {
    const failed = this.#servers.filter((server) => server.hasFailed);
    if (failed.length === 0 || this.#servers.length === 1) return this.#servers;
    for (const server of failed) server.retry();
    return [...this.#servers.filter((server) => !server.hasFailed), ...failed];
  }
}
