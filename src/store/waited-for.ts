/** A store as what requests wait for. State in SQLite has a file of its own, and does not suffer when another file is slow. */
import type { Availability } from "../answer/availability.ts";
import type { WaitedFor } from "../answer/patience.ts";
import type { StoreSettings } from "./store-settings.ts";

/** That a request gave up is a failure of the store, which ends with its next answer. */
export function waitedFor(settings: StoreSettings, availability: Availability): WaitedFor {
  return { name: sourceName(settings), timeoutMs: settings.timeoutMs, onLate: (error) => availability.failed("", error) };
}

export function sourceName(settings: StoreSettings): string {
  const store = `store "${settings.name}"`;
  return settings.type === "sqlite" ? `${store}: ${settings.path}` : store;
}
