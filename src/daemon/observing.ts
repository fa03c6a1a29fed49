/** What is counted for people and monitoring, from the first configuration with an http listener on; and these listeners, where this process has them. */
import type { Configuration, HttpSettings } from "../config/configuration.ts";
import type { Files } from "../file/files.ts";
import type { DecisionLog } from "../frontend/http/decision-log.ts";
import type { Observation } from "../frontend/http/observation.ts";
import type { HttpService } from "./http-service.ts";
import type { ConnectionHandler } from "./listen-sockets.ts";
import type { Logger } from "./log.ts";
import type { Gauges, Observer } from "./observer.ts";
import type { OpenCore, SharedSources } from "./open-core.ts";

export interface ObservingOptions {
  readonly logger: Logger;
  readonly shared: SharedSources;
  readonly files: Files;
  /** The number of this worker, whose http listeners the primary process has; `undefined`: it is alone. */
  readonly worker: number | undefined;
  readonly gauges: () => Gauges;
  readonly keptMs: KeptMs;
}

/** How long the answer of a directory about an address is kept yet, in milliseconds; `undefined`: it is not. */
type KeptMs = (directory: string, address: string) => number | undefined;

/** For the primary process. */
export interface Observed {
  readonly keptMs: KeptMs;
  observation(): Observation;
  readonly log: DecisionLog;
}

export class Observing {
  readonly #options: ObservingOptions;
  #observer: Observer | undefined;
  #http: HttpService | undefined;

  constructor(options: ObservingOptions) {
    this.#options = options;
  }

  /** `undefined`: nothing is counted. */
  get observer(): Observer | undefined {
    return this.#observer;
  }

  get observed(): Observed | undefined {
    const observer = this.#observer;
    const { gauges, keptMs } = this.#options;
    return observer && { observation: () => observer.observation(gauges()), log: observer.log, keptMs };
  }

  /** Before the core of that configuration is opened, which is asked by the observer. */
  async open({ httpListeners }: Configuration): Promise<void> {
    if (httpListeners.length === 0 || this.#observer !== undefined) return;
    const { worker, gauges, keptMs, ...common } = this.#options;
    const { Observer: ObserverOf } = await import("./observer.ts");
    const observer = new ObserverOf(`${worker ?? 0}-${Date.now().toString(36)}-`, Date.now);
    this.#observer = observer;
    if (worker !== undefined) return;
    const { HttpService: Service } = await import("./http-service.ts");
    this.#http = new Service({
      ...{ ...common, workers: 1 },
      gathered: {
        observation: async () => observer.observation(gauges()),
        decisions: (filter, limit, since) => observer.log.last(filter, limit, since),
        refused: async (filter) => [await observer.log.refused(filter)],
        keptMs: async (directory, address) => keptMs(directory, address),
        watch: (onDecision) => observer.log.watch(onDecision),
      },
    });
  }

  /** The http listeners that this process has. */
  listeners({ httpListeners }: Configuration): readonly HttpSettings[] {
    return this.#http === undefined ? [] : httpListeners;
  }

  /** Who takes the connections of one of them. */
  handlerOf(settings: HttpSettings): ConnectionHandler {
    if (this.#http === undefined) throw new Error("no http service is open");
    return this.#http.handlerOf(settings);
  }

  /** Ends those that are wanted no longer. */
  keep({ httpListeners }: Configuration, graceMs: number): void {
    void this.#http?.keep(httpListeners, graceMs);
  }

  /** That core serves from now on. */
  async change({ configuration, administration, stateHealth }: OpenCore): Promise<void> {
    this.#observer?.expect(configuration);
    await this.#http?.change(configuration, administration, stateHealth);
  }

  notReloaded(): void {
    this.#http?.refused();
  }

  async stop(graceMs: number): Promise<void> {
    await this.#http?.stop(graceMs);
  }
}
