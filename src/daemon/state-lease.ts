/** State stores, each open for as long as a core uses it: a reload continues with the one that is open. */
import type { OnAvailability } from "../answer/availability.ts";
import { TemporaryError } from "../answer/temporary-error.ts";
import type { Configuration } from "../config/configuration.ts";
import type { SourceObservation } from "../frontend/http/observation.ts";
import type { State } from "../stage/state.ts";
import { startExpiry } from "../state/expiry.ts";
import { openState } from "../state/open-state.ts";
import { type OtherDaemon, type SoleUse, watchSoleUse } from "../state/sqlite/sole-use.ts";
import type { Administration } from "../state/state-store.ts";
import { limitWaiting } from "../state/waiting-limit.ts";
import { messageOf } from "./message-of.ts";
import { Leases, Shared } from "./shared.ts";
import { mustBeWritable, stateSettings, usesState } from "./state-settings.ts";

/** State that is there until its lease is released. */
export interface StateLease {
  readonly state: State;
  /** Of what the state remembers; left out: this process does not have it. */
  readonly administration?: Administration;
  /** Likewise. */
  readonly health?: () => StateHealth;
  release(): Promise<void>;
}

/** Whether the store works, as it was last reported. */
export type StateHealth = Pick<SourceObservation, "up" | "since" | "lastFailure">;

/** What an administrator should know. */
export interface StateNews {
  /** Another daemon keeps its state in the same file; `other` undefined: it does no longer. */
  onOtherDaemon(path: string, other: OtherDaemon | undefined): void;
  /** A first attempt of this client was not remembered: too many of its entries wait. */
  onWaitingFull(client: string): void;
  /** See `StateOptions`. */
  onNotExpired(why: string): void;
}

const noNews: StateNews = { onOtherDaemon: () => {}, onWaitingFull: () => {}, onNotExpired: () => {} };

export class StateStores {
  readonly #now: () => number;
  readonly #onAvailability: OnAvailability;
  readonly #news: StateNews;
  readonly #outages: (report: OnAvailability) => OnAvailability;
  readonly #stores = new Shared<Pick<Required<StateLease>, "state" | "administration" | "health">>();
  readonly #soleUses = new Shared<SoleUse>();

  /** `now`: milliseconds since the epoch. `outages`: which reports of a store make one outage. Default: each. */
  constructor(
    now: () => number,
    onAvailability: OnAvailability,
    news: StateNews = noNews,
    outages: (report: OnAvailability) => OnAvailability = (report) => report,
  ) {
    this.#now = now;
    this.#onAvailability = onAvailability;
    this.#news = news;
    this.#outages = outages;
  }

  /** Throws when its file cannot be written: without it nothing would be greylisted, and nobody would see. */
  lease(configuration: Configuration): StateLease {
    if (!usesState(configuration)) return noState;
    const settings = stateSettings(configuration);
    const leases = new Leases();
    if (settings.type === "sqlite") {
      const { path } = settings;
      mustBeWritable(path);
      this.#soleUses.lease(path, leases, (own) =>
        own.hold(
          watchSoleUse(path, (other) => this.#news.onOtherDaemon(path, other)),
          (use) => use.stop(),
        ),
      );
    }
    const replacesBroken = configuration.storage.onCorrupt === "begin-anew";
    const opened = this.#stores.lease([settings, replacesBroken], leases, (own) => {
      const onNotExpired = (why: string) => this.#news.onNotExpired(why);
      let health: StateHealth = { up: true, since: undefined, lastFailure: undefined };
      const onAvailability = this.#outages((name, up, cause) => {
        health = healthAfter(health, up, cause, this.#now());
        this.#onAvailability(name, up, cause);
      });
      const options = { onAvailability, onNotExpired, replacesBroken, now: this.#now };
      const store = own.hold(openState(settings, options), (opened) => opened.close());
      own.hold(startExpiry(store, this.#now), (expiry) => expiry.stop());
      return { state: limitWaiting(store, (client) => this.#news.onWaitingFull(client)), administration: store, health: () => health };
    });
    return { ...opened, release: () => leases.release() };
  }
}

function healthAfter(before: StateHealth, up: boolean, cause: unknown, now: number): StateHealth {
  const since = before.up === up ? before.since : now;
  return { up, since, lastFailure: up ? before.lastFailure : { at: now, error: messageOf(cause) } };
}

const unavailable = (): never => {
  throw new TemporaryError("no store of state is open");
};

/** For a configuration that never uses state. */
const noState: StateLease = {
  state: { greylist: unavailable, throttle: unavailable, giveBack: unavailable, remember: unavailable, areCorrespondents: unavailable },
  release: () => Promise.resolve(),
};
