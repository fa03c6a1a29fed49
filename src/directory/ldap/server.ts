/** One LDAP server with a connection that is kept, and opened again when it is needed. */
import { Availability, type OnAvailability } from "../../answer/availability.ts";
import { TemporaryError, UnusableAnswer } from "../../answer/temporary-error.ts";
import { PendingAnswer } from "../../store/pending-answer.ts";
import { errorMessage } from "../../text/error-message.ts";
import { type LdapConnection, openConnection, type Search } from "./connection.ts";
import { busy, invalidCredentials, resultCodeOf, unavailable } from "./driver.ts";
import type { LdapEntry } from "./entry.ts";
import type { LdapServerSettings, LdapSettings } from "./ldap-settings.ts";

/** For so long a server that has failed is left alone while another one answers. */
const retryMs = 1000;
/** For so long a refused bind is not tried again: many of them lock an account, also for others that use it. */
const refusedMs = 60_000;

export class LdapServer {
  readonly availability: Availability;
  readonly #settings: LdapSettings;
  readonly #server: LdapServerSettings;
  readonly #now: () => number;
  #connection: LdapConnection | undefined;
  #opening: Promise<LdapConnection> | undefined;
  /** `undefined`: it works, as far as is known. */
  #failedAt: number | undefined;
  #refusal: { readonly error: unknown; readonly until: number } | undefined;
  #isClosed = false;

  constructor(settings: LdapSettings, server: LdapServerSettings, now: () => number, onAvailability: OnAvailability) {
    const { name, servers } = settings;
    this.#settings = settings;
    this.#server = server;
    this.#now = now;
    this.availability = new Availability(servers.length === 1 ? name : `${name} (${server.url})`, onAvailability);
  }

  get url(): string {
    return this.#server.url;
  }

  get hasFailed(): boolean {
    return this.#failedAt !== undefined;
  }

  /** Tries a server that has failed, while others are asked. */
  retry(): void {
    if (this.#failedAt !== undefined && this.#now() >= this.#failedAt + retryMs) this.#open().catch(() => {});
  }

  /** Rejects with a `TemporaryError`, when `timeoutMs` have passed at the latest; with an `UnusableAnswer` if the server works. */
  async search(search: Search, timeoutMs: number): Promise<readonly LdapEntry[]> {
    let used: { readonly connection: LdapConnection; readonly answers: number } | undefined;
    const answer = new PendingAnswer<readonly LdapEntry[]>(timeoutMs, () => {
      // A server that has answered others since is only slow with this one.
      if (used?.connection.answers === used?.answers) used?.connection.close();
      return new Error(`no answer in ${Math.round(timeoutMs)} ms`);
    });
    const ask = (connection: LdapConnection) => {
      used = { connection, answers: connection.answers };
      return connection.search(search, () => !answer.isSettled);
    };
    const perform = async () => {
      const kept = this.#connection;
      if (kept?.isOpen) {
        try {
          return await ask(kept);
        } catch (error) {
          // The server has closed it meanwhile, as servers do with a connection that was idle.
          if (kept.isOpen || answer.isSettled) throw error;
        }
      }
      return ask(await this.#open());
    };
    perform().then(
      (entries) => answer.resolve(entries),
      (error: unknown) => answer.reject(error),
    );
    try {
      const entries = await answer.promise;
      this.availability.worked("", search.what);
      return entries;
    } catch (cause) {
      if (cause instanceof UnusableAnswer) {
        this.availability.worked("", search.what);
        throw cause;
      }
      throw this.#failed(search.what, cause);
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#connection?.close();
  }

  #open(): Promise<LdapConnection> {
    this.#opening ??= this.#connect().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  async #connect(): Promise<LdapConnection> {
    if (this.#refusal !== undefined && this.#now() < this.#refusal.until) throw this.#refusal.error;
    try {
      const connection = await openConnection(this.#settings, this.#server);
      this.#connection = connection;
      if (this.#isClosed) connection.close();
      this.#failedAt = undefined;
      this.#refusal = undefined;
      this.availability.worked("");
      return connection;
    } catch (error) {
      this.#failedAt = this.#now();
      if (resultCodeOf(error) === invalidCredentials) this.#refusal = { error, until: this.#failedAt + refusedMs };
      throw error;
    }
  }

  /** Of the whole server, or of these searches alone. */
  #failed(what: string, cause: unknown): TemporaryError {
    const error = new TemporaryError(`directory "${this.#settings.name}": ${this.url}: ${errorMessage(cause)}`, { cause });
    const code = resultCodeOf(cause);
    const isWhole = this.#connection?.isOpen !== true || code === busy || code === unavailable;
    if (isWhole) this.#failedAt = this.#now();
    if (!this.#isClosed) this.availability.failed(isWhole ? "" : what, error);
    return error;
  }
}
