/** The end of a listener's connections. */
import type { Socket } from "node:net";
import { startTimer } from "./delayed-replies.ts";

/** Resolves when none is open any more; each is taken out of `open` when it closes. After `graceMs` what is left is cut off. */
export async function allClosed(open: ReadonlyMap<Socket, unknown>, graceMs: number): Promise<void> {
  if (open.size === 0) return;
  const callOff = startTimer(graceMs, () => {
    for (const socket of open.keys()) socket.destroy();
  });
  while (open.size > 0) await Promise.all([...open.keys()].map((socket) => new Promise((resolve) => socket.once("close", resolve))));
  callOff();
}
