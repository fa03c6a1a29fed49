/** What systemd hears from the daemon (sd_notify(3)): that it is ready, alive, about to stop. */
import { execFile } from "node:child_process";

/** By systemd's own command, since Node cannot write to the datagram socket that systemd listens on. */
export function tellServiceManager({ NOTIFY_SOCKET }: NodeJS.ProcessEnv, state: "READY=1" | "STOPPING=1" | "WATCHDOG=1"): void {
  if (NOTIFY_SOCKET === undefined) return;
  // Without that command nobody waits for this.
  execFile("systemd-notify", [state], () => {});
}

/** Signs of life, if systemd wants them (`WatchdogSec`): two in the time that it waits for one, as long as this process handles events. */
export function showLife(environment: NodeJS.ProcessEnv): void {
  const { WATCHDOG_PID, WATCHDOG_USEC } = environment;
  const intervalMs = Number(WATCHDOG_USEC) / 2000;
  if (Number(WATCHDOG_PID ?? process.pid) !== process.pid || !(intervalMs >= 1)) return;
  setInterval(() => tellServiceManager(environment, "WATCHDOG=1"), intervalMs).unref();
}
