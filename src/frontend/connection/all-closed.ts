/** The end of a listener's connections. */
import type { Socket } from "node:net";
import { startTimer } from "./delayed-replies.ts";

/** Resolves when none is open any more; `open` has one no longer when it has closed. After `graceMs` what is left is cut off. */
export async function allClosed(open: () => readonly Socket[], graceMs: number): Promise<void> {
  if (open().length === 0) return;
  const callOff = startTimer(graceMs, () => {
    for (const socket of open()) socket.destroy();
  });
  while (open().length > 0) await Promise.all(open().map((socket) => new Promise((resolve) => socket.once("close", resolve))));
  callOff();
}
