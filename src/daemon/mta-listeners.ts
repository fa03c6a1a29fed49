/** The listeners for MTAs: each has its connections, and what it was called by, for as long as its name and protocol stay. */
import type { Answer } from "../answer/answer.ts";
import type { ListenerSettings } from "../config/configuration.ts";
import { type CalledListener, Calls } from "../frontend/calls.ts";
import type { DelayedReplies } from "../frontend/connection/delayed-replies.ts";
import { type Listener, openListener } from "../frontend/connection/listener.ts";
import { Room } from "../frontend/connection/room.ts";
import type { EventSink } from "../frontend/decision.ts";
import { milterProtocol, openMilter } from "../frontend/milter/milter.ts";
import { type AnswerPolicy, answerPolicy, policyProtocol } from "../frontend/policy/policy.ts";
import { answerSocketmap, socketmapProtocol } from "../frontend/socketmap/socketmap.ts";
import type { ConnectionHandler } from "./listen-sockets.ts";
import type { Logger } from "./log.ts";
import type { OpenCore } from "./open-core.ts";
import type { Succession } from "./succession.ts";

export interface MtaListenersOptions {
  readonly logger: Logger;
  readonly cores: Succession<OpenCore>;
  readonly delayed: DelayedReplies;
  readonly routePolicy: (listener: string, answer: AnswerPolicy) => AnswerPolicy;
  readonly events: EventSink;
}

/** With the settings that it answers by: a reload may change those while its connections stay. */
interface Served {
  settings: ListenerSettings;
  readonly calls: Calls;
  readonly listener: Listener;
}

export class MtaListeners {
  readonly #options: MtaListenersOptions;
  readonly #room = new Room();
  #served: readonly Served[] = [];
  /** Those that a reload has taken away, until their connections are closed. */
  readonly #finishing = new Set<Promise<void>>();

  constructor(options: MtaListenersOptions) {
    this.#options = options;
  }

  get connections(): readonly { readonly name: string; readonly connections: number }[] {
    return this.#served.map(({ settings, listener }) => ({ name: settings.name, connections: listener.count }));
  }

  get called(): readonly CalledListener[] {
    return this.#served.flatMap(({ settings: { name, protocol }, calls }) =>
      protocol === "socketmap" ? [] : [{ name, protocol, calls: calls.status() }],
    );
  }

  /** Who takes the connections of a listener. */
  handlerOf(settings: ListenerSettings): ConnectionHandler {
    const same = this.#served.find((one) => isSame(one.settings, settings));
    const served = same ?? this.#open(settings);
    served.settings = settings;
    if (same === undefined) this.#served = [...this.#served, served];
    return (socket, mustMakeRoom) => served.listener.take(socket, mustMakeRoom);
  }

  /** Ends those that are wanted no longer, each with so long for its last replies. */
  keep(wanted: readonly ListenerSettings[], graceMs: number): void {
    const over = this.#served.filter(({ settings }) => !wanted.some((one) => isSame(one, settings)));
    this.#served = this.#served.filter((one) => !over.includes(one));
    for (const { listener } of over) {
      const finishing = listener.finish(graceMs).finally(() => this.#finishing.delete(finishing));
      this.#finishing.add(finishing);
    }
  }

  async stop(graceMs: number): Promise<void> {
    this.keep([], graceMs);
    await Promise.all(this.#finishing);
  }

  #open(first: ListenerSettings): Served {
    // Nobody asks for the settings before the listener is there.
    const calls = new Calls();
    const served: Served = { settings: first, calls, listener: this.#openProtocol(first, () => served.settings, calls) };
    return served;
  }

  #openProtocol({ name, protocol }: ListenerSettings, settings: () => ListenerSettings, calls: Calls): Listener {
    const { logger, cores, delayed, routePolicy, events } = this.#options;
    const common = { name, maxConnections: () => settings().maxConnections, onNotice: events.onNotice, room: this.#room };
    const frontEnd = {
      ...events,
      listener: name,
      core: () => cores.current.forRequest(),
      mode: () => settings().mode,
      isTrusted: (address: string) => settings().trustedNetworks.contains(address),
      localPort: () => settings().localPort,
      calls,
    };
    switch (protocol) {
      case "policy": {
        const answer = routePolicy(name, this.#byCurrentCore(answerPolicy(frontEnd)));
        return openListener({ ...common, protocol: () => policyProtocol(answer, delayed) });
      }
      case "milter": {
        const open = openMilter({ ...frontEnd, settings });
        return openListener({
          ...common,
          protocol: () => {
            const conversation = milterProtocol(open(), delayed);
            return { ...conversation, answer: this.#byCurrentCore(conversation.answer) };
          },
        });
      }
      case "socketmap": {
        const answer = this.#byCurrentCore(answerSocketmap({ ...frontEnd, onLookup: (lookup) => logger.debug(lookup) }));
        return openListener({ ...common, protocol: () => socketmapProtocol(answer, delayed) });
      }
    }
  }

  /** The core that a front end asks when a request comes stays open until it is answered. */
  #byCurrentCore<Request, Reply, From>(
    answer: (request: Request, from?: From) => Answer<Reply>,
  ): (request: Request, from?: From) => Answer<Reply> {
    const { cores } = this.#options;
    const ask = (_: OpenCore, request: Request, from?: From) => answer(request, from);
    return (request, from) => cores.use(ask, request, from);
  }
}

function isSame(one: ListenerSettings, other: ListenerSettings): boolean {
  return one.name === other.name && one.protocol === other.protocol;
}
