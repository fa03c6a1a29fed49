/** Where decisions are kept for days, and whether they can be. */
import { join } from "node:path";
import type { Configuration } from "../config/configuration.ts";
import { tryWriting } from "../store/private-file.ts";
import { messageOf } from "./message-of.ts";

export function archivePath({ server }: Configuration): string {
  return join(server.stateDirectory, "decisions.sqlite");
}

/** Why decisions cannot be kept; `undefined`: they can, or need not. Leaves no file or folder behind. */
export function problemWithArchive(configuration: Configuration): string | undefined {
  if (configuration.decisions === undefined) return undefined;
  const path = archivePath(configuration);
  try {
    tryWriting(path);
    return undefined;
  } catch (error) {
    return `decisions.keep: ${path} cannot be written, so no decisions are kept: ${messageOf(error)}`;
  }
}
