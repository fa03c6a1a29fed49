/** The sockets of all listeners, which change together: all that are wanted are open, or all stays as it was. */
import type { Socket } from "node:net";
import type { ListenerSettings } from "../config/configuration.ts";
import { type Door, type DoorOptions, doorKey, openDoor } from "../frontend/connection/listener.ts";
import type { Logger } from "./log.ts";

/** Of the connections of one listener. */
export type Taker = (socket: Socket) => void;

export interface Doors {
  /** Asks who takes the connections of each listener once nothing can fail any more. Throws when a socket cannot be opened. */
  change(wanted: readonly ListenerSettings[], takerOf: (settings: ListenerSettings) => Taker): Promise<void>;
  /** Ends accepting; connections go on. */
  close(): void;
}

export class BoundDoors implements Doors {
  readonly #logger: Logger;
  readonly #pauses: boolean;
  #open: readonly Door[] = [];

  /** `pauses`: as that of a door. */
  constructor(logger: Logger, { pauses = false }: { readonly pauses?: boolean } = {}) {
    this.#logger = logger;
    this.#pauses = pauses;
  }

  async change(wanted: readonly ListenerSettings[], takerOf: (settings: ListenerSettings) => Taker): Promise<void> {
    const doors = await this.#openAll(wanted);
    for (const settings of wanted) {
      const { name, protocol, mode } = settings;
      const take = takerOf(settings);
      const own = this.#doorsOf(settings).map((options) => doors.get(doorKey(options)));
      for (const door of own) if (door !== undefined) door.onConnection = take;
      const addresses = own.flatMap((door) => (door === undefined ? [] : [door.address]));
      this.#logger.info({ event: "listening", listener: name, protocol, mode, addresses }, hintOf(settings, addresses));
    }
    for (const door of this.#open) if (doors.get(door.key) !== door) door.close();
    this.#open = [...doors.values()];
  }

  close(): void {
    for (const door of this.#open) door.close();
    this.#open = [];
  }

  async #openAll(wanted: readonly ListenerSettings[]): Promise<ReadonlyMap<string, Door>> {
    const doors = new Map<string, Door>();
    const opened: Door[] = [];
    try {
      for (const options of wanted.flatMap((settings) => this.#doorsOf(settings))) {
        const key = doorKey(options);
        const present = this.#open.find((door) => door.key === key);
        const door = present ?? (await openDoor(options));
        if (present === undefined) opened.push(door);
        doors.set(key, door);
      }
      return doors;
    } catch (error) {
      for (const door of opened) door.close();
      throw error;
    }
  }

  #doorsOf({ bind, socketMode, socketGroup }: ListenerSettings): readonly DoorOptions[] {
    return bind.map((one) => ({ bind: one, socketMode, socketGroup, pauses: this.#pauses }));
  }
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
