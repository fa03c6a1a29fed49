/** The daemon: a configuration, the core made from it, and the listeners that ask the core. A reload builds all of it anew, then swaps it. */
import { performance } from "node:perf_hooks";
import type { Configuration, ListenerSettings } from "./config/configuration.ts";
import type { Decision } from "./frontend/decision.ts";
import { HeldReplies } from "./frontend/held-replies.ts";
import { type Listener, listen } from "./frontend/listener.ts";
import { milterProtocol, openMilter } from "./frontend/milter.ts";
import type { Notice } from "./frontend/notice.ts";
import { answerPolicy } from "./frontend/policy.ts";
import { answerSocketmap } from "./frontend/socketmap.ts";
import { type Logger, logDecision, logNotice, messageOf } from "./log.ts";
import { TemporaryError } from "./mail/temporary-error.ts";
import { type OpenCore, openCore } from "./open-core.ts";
import { PolicyDecoder } from "./wire/policy.ts";
import { SocketmapDecoder } from "./wire/socketmap.ts";

export interface Daemon {
  /** Serves by another configuration from now on; what cannot be bound leaves all as it was, and is thrown. */
  reload(configuration: Configuration): Promise<void>;
  /** Answers what is under way, then closes. */
  stop(): Promise<void>;
}

/** How long connections have to take their last replies when a listener stops. */
const graceMs = 5000;

/** Requests that began before a reload may still ask the former sources; no query takes longer. */
const formerCoreMs = 30_000;

/** How often files are looked at. */
const refreshMs = 1000;

/** Throws when a socket cannot be bound. */
export async function startDaemon(configuration: Configuration, logger: Logger): Promise<Daemon> {
  const daemon = new RunningDaemon(configuration, logger);
  await daemon.start();
  return daemon;
}

/** A listener, with the settings that it answers by: a reload may change those while the sockets stay. */
interface Served {
  settings: ListenerSettings;
  readonly listener: Listener;
}

class RunningDaemon implements Daemon {
  #configuration: Configuration;
  #open: OpenCore;
  readonly #logger: Logger;
  #served: readonly Served[] = [];
  readonly #held = new HeldReplies(() => this.#configuration.maxWaiting);
  /** Cores that requests under way may still ask, each with the timer that closes it. */
  readonly #former = new Map<OpenCore, NodeJS.Timeout>();
  readonly #refreshing: NodeJS.Timeout;

  constructor(configuration: Configuration, logger: Logger) {
    this.#configuration = configuration;
    this.#logger = logger;
    this.#open = this.#openCore(configuration);
    this.#refreshing = setInterval(() => void this.#open.refresh(), refreshMs);
  }

  async start(): Promise<void> {
    try {
      this.#served = await this.#serveAll(this.#configuration.listeners, []);
    } catch (error) {
      await this.stop();
      throw error;
    }
    this.#initialise(this.#open);
  }

  async reload(configuration: Configuration): Promise<void> {
    const next = this.#openCore(configuration);
    try {
      this.#served = await this.#serveAll(configuration.listeners, this.#served);
    } catch (error) {
      await next.close();
      throw error;
    }
    const former = this.#open;
    this.#open = next;
    this.#configuration = configuration;
    this.#former.set(
      former,
      setTimeout(() => void this.#closeFormer(former), formerCoreMs),
    );
    this.#initialise(next);
  }

  async stop(): Promise<void> {
    clearInterval(this.#refreshing);
    await Promise.all(this.#served.map(({ listener }) => listener.stop(graceMs)));
    await Promise.all([...this.#former.keys()].map((former) => this.#closeFormer(former)));
    await this.#open.close();
  }

  /**
   * Listeners whose sockets stay the same keep their connections. The others are stopped before new ones are opened,
   * since a socket may go from one to the other; when one cannot be opened they are opened again, and it throws.
   */
  async #serveAll(wanted: readonly ListenerSettings[], present: readonly Served[]): Promise<readonly Served[]> {
    const staying = new Map<ListenerSettings, Served>();
    for (const settings of wanted) {
      const same = present.find((served) => socketsOf(served.settings) === socketsOf(settings));
      if (same !== undefined) staying.set(settings, same);
    }
    const kept = new Set(staying.values());
    const leaving = present.filter((served) => !kept.has(served));
    for (const { listener } of leaving) void listener.stop(graceMs);
    const opened: Served[] = [];
    try {
      for (const settings of wanted) if (!staying.has(settings)) opened.push(await this.#serve(settings));
    } catch (error) {
      await Promise.all(opened.map(({ listener }) => listener.stop(0)));
      this.#served = [...kept, ...(await Promise.all(leaving.map(({ settings }) => this.#serve(settings))))];
      throw error;
    }
    for (const [settings, served] of staying) served.settings = settings;
    return [...kept, ...opened];
  }

  async #serve(first: ListenerSettings): Promise<Served> {
    // Until the listener is there nobody asks for its settings.
    const current = { settings: first };
    const listener = await this.#listen(first, () => current.settings);
    const { name, protocol, mode } = first;
    this.#logger.info(
      { event: "listening", listener: name, protocol, mode, addresses: listener.addresses },
      hintOf(first, listener.addresses),
    );
    return Object.assign(current, { listener });
  }

  #listen(first: ListenerSettings, settings: () => ListenerSettings): Promise<Listener> {
    const logger = this.#logger;
    const held = this.#held;
    const onNotice = (notice: Notice) => logNotice(logger, notice);
    const frontEnd = {
      listener: first.name,
      core: () => this.#open.core,
      mode: () => settings().mode,
      isTrusted: (address: string) => settings().trustedNetworks.contains(address),
      localPort: () => settings().localPort,
      onDecision: (decision: Decision, cause: unknown) => logDecision(logger, decision, cause),
      onNotice,
    };
    switch (first.protocol) {
      case "policy": {
        const answer = answerPolicy(frontEnd);
        return listen({ ...first, onNotice, protocol: () => ({ decoder: new PolicyDecoder(), answer, held }) });
      }
      case "milter": {
        const open = openMilter({ ...frontEnd, settings });
        return listen({ ...first, onNotice, protocol: () => milterProtocol(open(), held) });
      }
      case "socketmap": {
        const answer = answerSocketmap({ ...frontEnd, onLookup: (lookup) => logger.debug(lookup) });
        return listen({ ...first, onNotice, protocol: () => ({ decoder: new SocketmapDecoder(), answer, held }) });
      }
    }
  }

  #openCore(configuration: Configuration): OpenCore {
    return openCore(configuration, {
      now: () => performance.now(),
      onState: (source, up, cause) => {
        if (up) this.#logger.warn({ event: "source", source }, "works again");
        else this.#logger.warn({ event: "source", source, error: messageOf(cause) }, "does not work; what it cannot tell is deferred");
      },
    });
  }

  /** A store that cannot be reached now runs its `init` when it can. */
  #initialise(open: OpenCore): void {
    open.initialise().catch((error: unknown) => {
      if (!(error instanceof TemporaryError)) throw error;
    });
  }

  async #closeFormer(former: OpenCore): Promise<void> {
    clearTimeout(this.#former.get(former));
    this.#former.delete(former);
    await former.close();
  }
}

/** What a listener cannot change without other sockets. */
function socketsOf({ name, protocol, bind, socketMode, socketGroup, maxConnections }: ListenerSettings): string {
  return JSON.stringify([name, protocol, bind, socketMode, socketGroup, maxConnections]);
}

function hintOf({ protocol }: ListenerSettings, addresses: readonly string[]): string {
  const [first = ""] = addresses;
  const address = first.startsWith("unix:") ? first : `inet:${first}`;
  switch (protocol) {
    case "policy":
      return `to try it in main.cf: warn_if_reject check_policy_service ${address}`;
    case "milter":
      return `in main.cf: smtpd_milters = ${address}`;
    case "socketmap":
      return `to try it: postmap -q postmaster@example.org socketmap:${address}:aliases`;
  }
}
