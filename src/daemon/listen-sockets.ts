/** The sockets of all listeners, which change together: either all that are wanted are open, or nothing changes. */
import type { Socket } from "node:net";
import type { HttpSettings, ListenerSettings } from "../config/configuration.ts";
import { formatListenAddress, isSamePort, type ListenAddress } from "../config/schema/values.ts";
import { type ListenSocket, type ListenSocketOptions, openListenSocket, socketKey } from "../frontend/connection/listen-socket.ts";
import { SayOnce } from "../frontend/say-once.ts";
import { hourMs } from "../text/duration.ts";
import { codeOf } from "../text/error-code.ts";
import type { ActivatedSocket } from "./activated-sockets.ts";
import { ListenProblem } from "./listen-problem.ts";
import type { Logger } from "./log.ts";
import { messageOf } from "./message-of.ts";

/** Takes the connections of one listener (`Listener.take`). */
export type ConnectionHandler = (socket: Socket, mustMakeRoom?: boolean) => boolean;

type AnyListener = ListenerSettings | HttpSettings;

export interface ListenSockets {
  /** Asks for the handler of each listener when nothing can fail any more. Throws when a socket cannot be opened. */
  change(wanted: readonly AnyListener[], handlerOf: (settings: AnyListener) => ConnectionHandler): Promise<void>;
  /** Stops accepting; connections continue. */
  close(): void;
}

export interface BoundSocketsOptions {
  /** Nothing is read from their connections, which another process is to take. Default: false. */
  readonly pauses?: boolean;
  /** They are open already, and never closed before the end: systemd would keep them, and their clients wait for nobody. */
  readonly activated?: readonly ActivatedSocket[];
}

/** What this daemon has open during a change. */
interface OwnSockets {
  /** They are closed when nothing can fail any more. One that closed before would leave its clients with nobody. */
  readonly over: readonly ListenSocket[];
  readonly kept: readonly ListenSocket[];
}

export class BoundSockets implements ListenSockets {
  readonly #logger: Logger;
  readonly #common: Pick<ListenSocketOptions, "pauses" | "onFilesUsedUp">;
  readonly #activated: ReadonlyMap<string, ActivatedSocket>;
  readonly #full = new SayOnce(hourMs);
  #open: readonly ListenSocket[] = [];

  constructor(logger: Logger, { pauses = false, activated = [] }: BoundSocketsOptions = {}) {
    this.#logger = logger;
    this.#common = { pauses, onFilesUsedUp: () => this.#filesUsedUp() };
    this.#activated = new Map(activated.map((socket) => [formatListenAddress(socket.bind), socket]));
  }

  /** `prepare` is done when all are open, and may still fail. */
  async change(
    wanted: readonly AnyListener[],
    handlerOf: (settings: AnyListener) => ConnectionHandler,
    prepare = async () => {},
  ): Promise<void> {
    const sockets = await this.#openAll(wanted, prepare);
    const idle = new Map([...this.#activated].map(([address, { descriptor }]) => [address, sockets.get(String(descriptor))]));
    for (const settings of wanted) {
      const { name, protocol } = settings;
      const mode = protocol === "http" ? undefined : settings.mode;
      const take = handlerOf(settings);
      const own = this.#optionsOf(settings).map((options) => sockets.get(socketKey(options)));
      for (const socket of own) if (socket !== undefined) socket.onConnection = take;
      const addresses = own.flatMap((socket) => (socket === undefined ? [] : [socket.address]));
      for (const address of addresses) idle.delete(address);
      this.#logger.info({ event: "listening", listener: name, protocol, mode, addresses }, `listening on ${addresses.join(", ")}`);
    }
    if (idle.size > 0) this.#leaveIdle(idle);
    for (const socket of this.#open) if (sockets.get(socket.key) !== socket) socket.close();
    this.#open = [...sockets.values()];
  }

  #leaveIdle(idle: ReadonlyMap<string, ListenSocket | undefined>): void {
    for (const socket of idle.values()) if (socket !== undefined) socket.onConnection = (connection) => connection.destroy();
    const addresses = [...idle.keys()];
    this.#logger.warn(
      { event: "listening", addresses },
      `connections to ${addresses.join(", ")} are closed: systemd listens there, and no listener binds it. Add it to one, or take it out of postern.socket`,
    );
  }

  close(): void {
    for (const socket of this.#open) socket.close();
    this.#open = [];
  }

  async #openAll(wanted: readonly AnyListener[], prepare: () => Promise<void>): Promise<ReadonlyMap<string, ListenSocket>> {
    const sockets = new Map<string, ListenSocket>();
    const takeBack: (() => void)[] = [];
    try {
      const all = wanted.flatMap((settings) => this.#optionsOf(settings).map((options, index) => ({ settings, index, options })));
      const kept = new Set([
        ...all.map(({ options }) => socketKey(options)),
        ...[...this.#activated.values()].map(({ descriptor }) => String(descriptor)),
      ]);
      const over = this.#open.filter(({ key }) => !kept.has(key));
      const open = async (options: ListenSocketOptions) => {
        const key = socketKey(options);
        const present = this.#open.find((socket) => socket.key === key && socket.isInPlace);
        if (present === undefined) {
          const opened = await this.#openBeside({ over, kept: [...sockets.values(), ...this.#open] }, options);
          takeBack.push(() => opened.close());
          sockets.set(key, opened);
        } else {
          takeBack.push(present.setAccess({ mode: options.socketMode, group: options.socketGroup }));
          sockets.set(key, present);
        }
      };
      for (const { settings, index, options } of all) {
        if (options.descriptor !== undefined) continue;
        await open(options).catch((cause: unknown) => {
          throw new ListenProblem({ name: settings.name, index, bind: options.bind, socketGroup: settings.socketGroup }, cause);
        });
      }
      await prepare();
      // Last, since clients may be waiting there: no event is handled until somebody takes them.
      for (const { bind, descriptor } of this.#activated.values()) {
        await open({ ...this.#common, bind, descriptor, socketMode: 0, socketGroup: undefined }).catch((cause: unknown) => {
          const address = formatListenAddress(bind);
          const mend = "In its .socket unit set ListenStream= for that address, and no Accept=yes";
          throw new Error(`the socket that systemd has passed for ${address} takes no connections (${messageOf(cause)}). ${mend}`, {
            cause,
          });
        });
      }
      return sockets;
    } catch (error) {
      for (const undo of takeBack) undo();
      throw error;
    }
  }

  /** Whoever keeps it from being opened may be this daemon itself. */
  async #openBeside(own: OwnSockets, options: ListenSocketOptions): Promise<ListenSocket> {
    try {
      return await openListenSocket(options);
    } catch (error) {
      const isInUse = codeOf(error) === "EADDRINUSE";
      const message = isInUse ? this.#whyInUse(own, options.bind) : undefined;
      // Its cause would only say the same again.
      throw message === undefined ? error : new Error(message);
    }
  }

  /** `undefined`: another program has it. */
  #whyInUse({ over, kept }: OwnSockets, bind: ListenAddress): string | undefined {
    const address = formatListenAddress(bind);
    const activated = [...this.#activated.values()].find((socket) => isSamePort(socket.bind, bind, true));
    if (activated !== undefined) {
      const held = formatListenAddress(activated.bind);
      return `systemd listens on ${held} for this daemon, which is the same port as ${address}. Make ListenStream= in postern.socket and bind the same address, and restart both units`;
    }
    const former = over.find((socket) => isSamePort(socket.bind, bind));
    if (former !== undefined) {
      return `${address} and ${former.address}, where this daemon listens, are the same port: restart it for this change`;
    }
    const other = kept.find((socket) => isSamePort(socket.bind, bind));
    if (other === undefined) return undefined;
    return `${address} and ${other.address}, where this daemon is to listen, too, are the same port. Leave one of them out, or choose another port`;
  }

  #optionsOf({ bind, socketMode, socketGroup }: AnyListener): readonly ListenSocketOptions[] {
    const descriptor = (one: ListenAddress) => this.#activated.get(formatListenAddress(one))?.descriptor;
    return bind.map((one) => ({ ...this.#common, bind: one, descriptor: descriptor(one), socketMode, socketGroup }));
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
  /** Those of listeners that a change has taken away: the primary process changes its own later. */
  #former: ReadonlyMap<string, ConnectionHandler> = new Map();

  async change(wanted: readonly AnyListener[], handlerOf: (settings: AnyListener) => ConnectionHandler): Promise<void> {
    this.#former = new Map([...this.#former, ...this.#handlers]);
    this.#handlers = new Map(wanted.map((settings) => [settings.name, handlerOf(settings)]));
  }

  /** No connection of theirs comes any more. */
  dropFormer(): void {
    this.#former = new Map();
  }

  has(listener: string): boolean {
    return this.#handlers.has(listener) || this.#former.has(listener);
  }

  close(): void {
    this.#handlers = new Map();
    this.dropFormer();
  }

  /** `false`: it was closed, for want of room. */
  take(listener: string, socket: Socket, mustMakeRoom: boolean): boolean {
    const take = this.#handlers.get(listener) ?? this.#former.get(listener);
    if (take !== undefined) return take(socket, mustMakeRoom);
    socket.destroy();
    return true;
  }
}
