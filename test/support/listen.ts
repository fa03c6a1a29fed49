/** A listener with sockets of its own, as the daemon has it when nothing is ever reloaded. */
import { type DoorOptions, type ListenerOptions, openDoor, openListener } from "../../src/frontend/connection/listener.ts";

export interface ListenOptions<Request> extends Omit<ListenerOptions<Request>, "maxConnections">, Omit<DoorOptions, "bind"> {
  readonly bind: readonly DoorOptions["bind"][];
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
  const doors: Awaited<ReturnType<typeof openDoor>>[] = [];
  try {
    for (const one of bind) doors.push(await openDoor({ bind: one, socketMode, socketGroup }));
  } catch (error) {
    for (const door of doors) door.close();
    throw error;
  }
  for (const door of doors) door.onConnection = (socket) => listener.take(socket);
  return {
    addresses: doors.map(({ address }) => address),
    async stop(graceMs) {
      for (const door of doors) door.close();
      await listener.finish(graceMs);
    },
  };
}
