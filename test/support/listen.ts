/** A listener with its own sockets, like the daemon's but without reload. */
import { type ListenSocket, type ListenSocketOptions, openListenSocket } from "../../src/frontend/connection/listen-socket.ts";
import { type ListenerOptions, openListener } from "../../src/frontend/connection/listener.ts";

export interface ListenOptions<Request> extends Omit<ListenerOptions<Request>, "maxConnections">, Omit<ListenSocketOptions, "bind"> {
  readonly bind: readonly ListenSocketOptions["bind"][];
  readonly maxConnections: number;
}

export interface Listening {
  readonly addresses: readonly string[];
  stop(graceMs: number): Promise<void>;
}

export async function listen<Request>({
  bind,
  socketMode,
  socketGroup,
  maxConnections,
  ...options
}: ListenOptions<Request>): Promise<Listening> {
  const listener = openListener({ ...options, maxConnections: () => maxConnections });
  const sockets: ListenSocket[] = [];
  try {
    for (const one of bind) sockets.push(await openListenSocket({ bind: one, socketMode, socketGroup }));
  } catch (error) {
    for (const socket of sockets) socket.close();
    throw error;
  }
  for (const socket of sockets) socket.onConnection = (connection) => listener.take(connection);
  return {
    addresses: sockets.map(({ address }) => address),
    async stop(graceMs) {
      for (const socket of sockets) socket.close();
      await listener.finish(graceMs);
    },
  };
}
