/** What `check --connect` tries of a state store: whether a daemon could keep its state there. What is there stays as it is. */
import type { StateSettings } from "../store/store-settings.ts";
import { tryPostgresql } from "./postgresql/trial.ts";
import { trySqlite } from "./sqlite/trial.ts";

/** Throws an Error when it could not. */
export async function tryState(settings: StateSettings): Promise<string> {
  return settings.type === "sqlite" ? trySqlite(settings.path) : tryPostgresql(settings);
}
