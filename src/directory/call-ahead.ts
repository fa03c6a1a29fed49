/** A directory that asks the server which delivers, by SMTP or LMTP, whether it takes an address: MAIL, RCPT, RSET. */
import { randomBytes } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Answer } from "../answer/answer.ts";
import { Availability, type OnAvailability } from "../answer/availability.ts";
import type { WaitedFor } from "../answer/patience.ts";
import { TemporaryError, UnusableAnswer } from "../answer/temporary-error.ts";
import { domainOf, formatAddress } from "../mail/address.ts";
import type { Directory, Recipient } from "../stage/sources.ts";
import { cleanText } from "../text/controls.ts";
import { hourMs } from "../text/duration.ts";
import { errorMessage } from "../text/error-message.ts";
import type { ServerReply } from "../wire/smtp-reply.ts";
import { type CallAheadSettings, nameOf } from "./call-ahead/call-ahead-settings.ts";
import { meaningOf, textOf } from "./call-ahead/recipient-reply.ts";
import type { SmtpConnection } from "./call-ahead/smtp-connection.ts";
import { maxConnections, type Shortcoming, SmtpPool } from "./call-ahead/smtp-pool.ts";
import type { Connection } from "./open-directory.ts";

export const takesAllText = "The server takes every address of this domain, so that none can be checked: mail for all of them is accepted.";

/** The server does something else than it should, but can be asked; each kind is said once. */
export type OnShortcoming = (directory: string, what: string) => void;

/** The server takes every address of the domain, or does so no longer. */
export type OnTakesAll = (directory: string, domain: string, takesAll: boolean) => void;

export interface CallAheadSources {
  /** Milliseconds; it never goes back. */
  now(): number;
  readonly onAvailability: OnAvailability;
  readonly onTakesAll: OnTakesAll;
  readonly onShortcoming: OnShortcoming;
}

const probeAgainMs = hourMs;
/** When the probe was not answered. */
const retryProbeMs = 60 * 1000;
/** Domains are those of the configuration, but rules may make others. */
const maxProbed = 10_000;

/** So many replies in a row that say nothing of a recipient are a failure of the server. */
const maxUnclear = 5;

interface Probed {
  readonly takesAll: boolean;
  readonly until: number;
}

export class CallAhead implements Directory {
  readonly name: string;
  readonly waits = true;
  readonly source: WaitedFor;
  readonly #settings: CallAheadSettings;
  readonly #sources: CallAheadSources;
  readonly #domains: ReadonlySet<string>;
  readonly #pool: SmtpPool;
  readonly #availability: Availability;
  readonly #probed = new LRUCache<string, Probed>({ max: maxProbed });
  readonly #probing = new Map<string, Promise<boolean>>();
  #unclear = 0;
  #isClosed = false;
  readonly #shortcomings = new Set<Shortcoming>();
  #last: { readonly address: string; readonly said: string } | undefined;

  constructor(settings: CallAheadSettings, sources: CallAheadSources) {
    const { name } = settings;
    this.name = name;
    this.#settings = settings;
    this.#sources = sources;
    this.#domains = new Set(settings.domains);
    this.#pool = new SmtpPool(settings.server, (kind, what) => this.#fallsShort(kind, what));
    this.#availability = new Availability(`directory ${name}`, sources.onAvailability);
    this.source = {
      name: `directory "${name}"`,
      timeoutMs: settings.timeoutMs,
      onLate: (error) => this.#availability.failed("", error),
    };
  }

  isLocalDomain(domain: string): boolean {
    return this.#domains.has(domain);
  }

  /** A catch-all is not asked about: it shows in the probe. */
  async recipient(address: string): Promise<Recipient | undefined> {
    const written = formatAddress(address);
    if (written === undefined) return undefined;
    const unchecked: Recipient = { kind: "mailbox", primaries: [address], state: "unchecked" };
    const probed = this.#takesAll(domainOf(address) ?? "");
    if (probed === true) return unchecked;
    const [takesAll, reply] = await Promise.all([probed, this.#ask(written, address)]);
    if (takesAll) return unchecked;
    switch (reply && meaningOf(reply)) {
      case "exists":
        return { kind: "mailbox", primaries: [address] };
      case "full":
        return { kind: "mailbox", primaries: [address], state: "full" };
      default:
        return undefined;
    }
  }

  verify(): readonly string[] {
    return [];
  }

  expand(): undefined {}

  saidOf(address: string): string | undefined {
    return this.#last?.address === address ? this.#last.said : undefined;
  }

  /** A probe of each domain. */
  get connections(): readonly Connection[] {
    return this.#settings.domains.map((domain) => ({ name: domain, connect: () => this.#tryProbe(domain) }));
  }

  close(): void {
    this.#isClosed = true;
    this.#pool.close();
  }

  /** A promise only until the first probe of the domain is answered; later ones are waited for by nobody. */
  #takesAll(domain: string): Answer<boolean> {
    const probed = this.#probed.get(domain);
    if (probed !== undefined && this.#sources.now() < probed.until) return probed.takesAll;
    const probing = this.#probing.get(domain) ?? this.#probe(domain, probed?.takesAll ?? false);
    return probed?.takesAll ?? probing;
  }

  /** What was known before stands until there is an answer. */
  #probe(domain: string, before: boolean): Promise<boolean> {
    const address = this.#unusedAddress(domain);
    const probed = (takesAll: boolean, againMs: number) => {
      this.#probing.delete(domain);
      this.#probed.set(domain, { takesAll, until: this.#sources.now() + againMs });
      if (takesAll !== before) this.#sources.onTakesAll(this.name, domain, takesAll);
      return takesAll;
    };
    const probing = this.#ask(address).then(
      (reply) => probed(reply !== undefined && meaningOf(reply) === "exists", probeAgainMs),
      () => probed(before, retryProbeMs),
    );
    this.#probing.set(domain, probing);
    return probing;
  }

  async #tryProbe(domain: string): Promise<string> {
    const address = this.#unusedAddress(domain);
    try {
      const reply = await this.#ask(address, address);
      const takesAll = reply !== undefined && meaningOf(reply) === "exists";
      return `${this.saidOf(address)}${takesAll ? `. ${takesAllText}` : ""}`;
    } catch (error) {
      // Here one reply that says nothing is reason enough.
      this.#availability.failed("", error);
      throw error;
    }
  }

  #unusedAddress(domain: string): string {
    return `${this.#settings.probe.replace("{random}", randomBytes(6).toString("hex"))}@${domain}`;
  }

  /**
   * The reply, which is clear; `undefined`: the server cannot be asked about such an address, and so cannot get mail for it.
   * `address`: what `saidOf` knows it by.
   */
  async #ask(written: string, address?: string): Promise<ServerReply | undefined> {
    const command = `RCPT TO:<${written}>`;
    let reply: ServerReply | undefined;
    try {
      reply = await this.#pool.use(this.#settings.timeoutMs, (connection) => askFor(command, connection));
    } catch (cause) {
      throw this.#failed(errorMessage(cause), cause);
    }
    const said = reply === undefined ? "the server has no SMTPUTF8" : `${command}: ${textOf(reply)}`;
    if (address !== undefined) this.#last = { address, said };
    this.#unclear = reply !== undefined && meaningOf(reply) === "unclear" ? this.#unclear + 1 : 0;
    if (this.#unclear > 0) throw this.#failed(said, undefined, this.#unclear >= maxUnclear);
    this.#availability.worked("");
    return reply;
  }

  #fallsShort(kind: Shortcoming, cause: string): void {
    if (this.#shortcomings.has(kind)) return;
    this.#shortcomings.add(kind);
    this.#sources.onShortcoming(this.name, `${nameOf(this.#settings.server)}: ${shortcomings[kind]} (${cleanText(cause)})`);
  }

  #failed(what: string, cause: unknown, isOutage = true): TemporaryError {
    const Kind = isOutage ? TemporaryError : UnusableAnswer;
    const error = new Kind(`${this.source.name}: ${nameOf(this.#settings.server)}: ${what}`, { cause });
    if (isOutage && !this.#isClosed) this.#availability.failed("", error);
    return error;
  }
}

const shortcomings: Readonly<Record<Shortcoming, string>> = {
  tls: 'STARTTLS is offered and does not work, so that recipients are asked about in clear text. Mend it there; on a safe network, write tls = "disable"',
  connections: `more connections are refused, and questions wait for those that there are. Let each worker have ${maxConnections}`,
};

/** One transaction. */
async function askFor(command: string, connection: SmtpConnection): Promise<ServerReply | undefined> {
  // RFC 6531 3.4
  const needsUtf8 = /[^\x20-\x7e]/.test(command);
  if (needsUtf8 && !connection.offers("SMTPUTF8")) return undefined;
  await connection.order(`MAIL FROM:<>${needsUtf8 ? " SMTPUTF8" : ""}`, 250);
  return connection.say(command);
}
