/** The sockets of all listeners, which change together: either all that are wanted are open, or nothing changes. */
import type { Socket } from "node:net";
import type { ListenerSettings } from "../config/configuration.ts";
import { type ListenSocket, type ListenSocketOptions, openListenSocket, socketKey } from "../frontend/connection/listen-socket.ts";
import { SayOnce } from "../frontend/say-once.ts";
import type { Logger } from "./log.ts";

/** Takes the connections of one listener (`Listener.take`). */
export type ConnectionHandler = (socket: Socket, mustMakeRoom?: boolean) => boolean;

export interface ListenSockets {
  /** Asks for the handler of each listener when nothing can fail any more. Throws when a socket cannot be opened. */
  change(wanted: readonly ListenerSettings[], handlerOf: (settings: ListenerSettings) => ConnectionHandler): Promise<void>;
  /** Stops accepting; connections continue. */
  close(): void;
}

/** That the process may open no more files is logged so often. */
const fullAgainMs = 60 * 60 * 1000;

export class BoundSockets implements ListenSockets {
  readonly #logger: Logger;
  readonly #pauses: boolean;
  readonly #full = new SayOnce(fullAgainMs);
  #open: readonly ListenSocket[] = [];

  /** `pauses`: nothing is read from their connections, which another process is to take. */
  constructor(logger: Logger, { pauses = false }: { readonly pauses?: boolean } = {}) {
    this.#logger = logger;
    this.#pauses = pauses;
  }

  /** `prepare` is done when all are open, and may still fail. */
  async change(
    wanted: readonly ListenerSettings[],
    handlerOf: (settings: ListenerSettings) => ConnectionHandler,
    prepare = async () => {},
  ): Promise<void> {
    const sockets = await this.#openAll(wanted, prepare);
    for (const settings of wanted) {
      const { name, protocol, mode } = settings;
      const take = handlerOf(settings);
      const own = this.#optionsOf(settings).map((options) => sockets.get(socketKey(options)));
      for (const socket of own) if (socket !== undefined) socket.onConnection = take;
      const addresses = own.flatMap((socket) => (socket === undefined ? [] : [socket.address]));
      this.#logger.info({ event: "listening", listener: name, protocol, mode, addresses }, `listening on ${addresses.join(", ")}`);
    }
    for (const socket of this.#open) if (sockets.get(socket.key) !== socket) socket.close();
    this.#open = [...sockets.values()];
  }

  close(): void {
    for (const socket of this.#open) socket.close();
    this.#open = [];
  }

  async #openAll(wanted: readonly ListenerSettings[], prepare: () => Promise<void>): Promise<ReadonlyMap<string, ListenSocket>> {
    const sockets = new Map<string, ListenSocket>();
    const opened: ListenSocket[] = [];
    try {
      for (const options of wanted.flatMap((settings) => this.#optionsOf(settings))) {
        const key = socketKey(options);
        const present = this.#open.find((socket) => socket.key === key);
        const socket = present ?? (await openListenSocket(options));
        if (present === undefined) opened.push(socket);
        sockets.set(key, socket);
      }
      await prepare();
      return sockets;
    } catch (error) {
      for (const socket of opened) socket.close();
      throw error;
    }
  }

  #optionsOf({ bind, socketMode, socketGroup }: ListenerSettings): readonly ListenSocketOptions[] {
    const onFilesUsedUp = () => this.#filesUsedUp();
    return bind.map((one) => ({ bind: one, socketMode, socketGroup, pauses: this.#pauses, onFilesUsedUp }));
  }

  #filesUsedUp(): void {
    if (!this.#full.allows("")) return;
    this.#logger.error(
      { event: "files-used-up" },
      "no more files may be open; new connections are closed at once. Raise LimitNOFILE (ulimit -n)",
    );
  }
}

/** Those of the primary process, as a worker has them: it is given their connections. */
export class InheritedSockets implements ListenSockets {
  #handlers: ReadonlyMap<string, ConnectionHandler> = new Map();

  async change(wanted: readonly ListenerSettings[], handlerOf: (settings: ListenerSettings) => ConnectionHandler): Promise<void> {
    this.#handlers = new Map(wanted.map((settings) => [settings.name, handlerOf(settings)]));
  }

  close(): void {
    this.#handlers = new Map();
  }

  /** `false`: it was closed, for want of room. */
  take(listener: string, socket: Socket, mustMakeRoom: boolean): boolean {
    const take = this.#handlers.get(listener);
    if (take !== undefined) return take(socket, mustMakeRoom);
    socket.destroy();
    return true;
  }
}
