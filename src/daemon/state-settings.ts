/** Which store state is in, and whether it can be. */
import { join } from "node:path";
import type { Configuration } from "../config/configuration.ts";
import { throttlesOf } from "../stage/stage-settings.ts";
import { tryWriting } from "../store/private-file.ts";
import type { StateSettings } from "../store/store-settings.ts";

/** The store that `storage.state` names; the embedded one keeps state in a file of its own. */
export function stateSettings({ stores, storage, server }: Configuration): StateSettings {
  const settings = stores.get(storage.state);
  // The configuration was checked: a store that it names is there, and fit for state.
  if (settings === undefined || settings.type === "mysql") throw new Error(`there is no store "${storage.state}" for state`);
  if (storage.state !== "embedded" || settings.type !== "sqlite") return settings;
  return { ...settings, path: join(server.stateDirectory, "state.sqlite") };
}

/** A greylist or a throttle may ask for it. */
export function usesState({ settings }: Configuration): boolean {
  return throttlesOf(settings).length > 0 || settings.rcpt.greylist.enable.constant !== 0;
}

/** What keeps the daemon from starting by its state; `undefined`: nothing. Leaves no file or folder behind. */
export function problemWithState(configuration: Configuration): Error | undefined {
  const settings = stateSettings(configuration);
  if (!usesState(configuration) || settings.type !== "sqlite") return undefined;
  try {
    mustBeWritable(settings.path);
    return undefined;
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
}

/** Throws when it is not. Leaves no file or folder behind. */
export function mustBeWritable(path: string): void {
  try {
    tryWriting(path);
  } catch (cause) {
    throw new Error(`server.state-directory: ${path}, which greylist and throttles need, cannot be written`, { cause });
  }
}
