/** The http listeners of the daemon, in the process that has the sockets: the only one, or the primary one. */
import { performance } from "node:perf_hooks";
import { TemporaryError } from "../answer/temporary-error.ts";
import type { Configuration, HttpSettings } from "../config/configuration.ts";
import type { Files } from "../file/files.ts";
import type { Listener } from "../frontend/connection/listener.ts";
import { Sessions } from "../frontend/http/access.ts";
import { AnswerPlaces } from "../frontend/http/answer-places.ts";
import { loadConsole, sendConsole } from "../frontend/http/console.ts";
import { EventStreams } from "../frontend/http/event-stream.ts";
import { History, stepSeconds } from "../frontend/http/history.ts";
import { openHttpListener } from "../frontend/http/http-listener.ts";
import { answerHttp } from "../frontend/http/routes.ts";
import { SayOnce } from "../frontend/say-once.ts";
import type { Administration } from "../state/state-store.ts";
import { KeptArchive } from "./kept-archive.ts";
import type { ConnectionHandler } from "./listen-sockets.ts";
import type { Logger } from "./log.ts";
import { logNotice } from "./log-lines.ts";
import { type OpenCore, openCore, type SharedSources } from "./open-core.ts";
import { DaemonOperations, type Gathered } from "./operations.ts";
import { neededByHttp, preload } from "./preload.ts";
import { unchangedState } from "./read-only-state.ts";
import type { StateHealth } from "./state-lease.ts";
import { Succession } from "./succession.ts";

export interface HttpServiceOptions {
  readonly gathered: Gathered;
  readonly logger: Logger;
  readonly workers: number;
  /** What is open already. Default: nothing. */
  readonly shared?: SharedSources;
  readonly files?: Files;
}

interface Served {
  settings: HttpSettings;
  readonly listener: Listener;
}

export class HttpService {
  readonly #options: HttpServiceOptions;
  readonly #history = new History();
  readonly #operations: DaemonOperations;
  readonly #sessions = new Sessions(Date.now);
  readonly #streams = new EventStreams();
  readonly #places = new AnswerPlaces();
  readonly #said = new SayOnce();
  /** Cores that write nothing, opened when they are first asked. */
  readonly #cores = new Succession<{ readonly open: () => OpenCore; close(): Promise<void> }>((core) => core.close());
  readonly #archive: KeptArchive;
  #sampling: NodeJS.Timeout | undefined;
  #served: readonly Served[] = [];
  #configuration: Configuration | undefined;
  #administration: Administration | undefined;
  #stateHealth: (() => StateHealth) | undefined;
  #loaded = 0;
  readonly #reloads = { ok: -1, failed: 0 };

  constructor(options: HttpServiceOptions) {
    const { gathered, logger, workers } = options;
    this.#options = options;
    this.#archive = new KeptArchive(gathered, logger);
    this.#operations = new DaemonOperations({
      ...{ gathered, workers, history: this.#history, now: Date.now, started: performance.timeOrigin },
      current: () => this.#current(),
      ask: async (question) =>
        this.#cores.use(async (core) => {
          const open = core.open();
          await open.refresh();
          return question(open);
        }),
    });
  }

  /** Serves by another configuration from now on. */
  async change(
    configuration: Configuration,
    administration: Administration | undefined,
    stateHealth: (() => StateHealth) | undefined,
  ): Promise<void> {
    this.#configuration = configuration;
    this.#administration = administration;
    this.#stateHealth = stateHealth;
    this.#loaded = Date.now();
    this.#reloads.ok += 1;
    await this.#cores.change(this.#readOnlyCore(configuration));
    await this.#archive.change(configuration);
    if (this.#sampling !== undefined) return;
    preload(neededByHttp(loadConsole));
    this.#sampling = setInterval(() => void this.#sample(), stepSeconds * 1000);
    await this.#sample();
  }

  /** A configuration was not loaded; the previous one serves on. */
  refused(): void {
    this.#reloads.failed += 1;
  }

  /** Who takes the connections of a listener, which keeps those that it has. */
  handlerOf(settings: HttpSettings): ConnectionHandler {
    const same = this.#served.find((one) => one.settings.name === settings.name);
    const served = same ?? this.#open(settings);
    served.settings = settings;
    if (same === undefined) this.#served = [...this.#served, served];
    return (socket) => served.listener.take(socket);
  }

  /** Ends listeners that are wanted no longer. */
  async keep(wanted: readonly HttpSettings[], graceMs: number): Promise<void> {
    const over = this.#served.filter(({ settings }) => !wanted.some(({ name }) => name === settings.name));
    this.#served = this.#served.filter((one) => !over.includes(one));
    await Promise.all(over.map(({ listener }) => listener.finish(graceMs)));
  }

  async stop(graceMs: number): Promise<void> {
    clearInterval(this.#sampling);
    this.#streams.close();
    await this.keep([], graceMs);
    await this.#archive.close();
    await this.#cores.close();
  }

  #open(first: HttpSettings): Served {
    const { logger } = this.#options;
    const { name } = first;
    const settings = () => served.settings;
    const answer = answerHttp({
      ...{ listener: name, settings, operations: this.#operations, sessions: this.#sessions },
      ...{ streams: this.#streams, places: this.#places },
      page: sendConsole,
      onNotice: (notice, once) => {
        if (once === undefined || this.#said.allows(`${notice.kind} ${once.about}`, once.againAfterMs)) logNotice(logger, notice);
      },
    });
    const served: Served = {
      settings: first,
      listener: openHttpListener({
        ...{ name, answer, maxConnections: () => settings().maxConnections },
        onNotice: (notice) => logNotice(logger, notice),
      }),
    };
    return served;
  }

  #readOnlyCore(configuration: Configuration) {
    const { shared, files } = this.#options;
    let opened: OpenCore | undefined;
    return {
      open: () => {
        opened ??= openCore(configuration, {
          now: () => performance.now(),
          clock: Date.now,
          ...(shared && { shared }),
          ...(files && { files }),
          leaseState: () => unchangedState(configuration, () => {}),
          onAvailability: () => {},
          readOnly: true,
        });
        return opened;
      },
      close: async () => opened?.close(),
    };
  }

  #current() {
    if (this.#configuration === undefined) throw new TemporaryError("the daemon is starting");
    const { ok, failed } = this.#reloads;
    return {
      ...{ configuration: this.#configuration, loaded: this.#loaded, administration: this.#administration },
      stateHealth: this.#stateHealth,
      archive: this.#archive.current,
      reloads: { ok: Math.max(0, ok), failed },
    };
  }

  async #sample(): Promise<void> {
    this.#history.sample(await this.#options.gathered.observation(), Date.now());
  }
}
