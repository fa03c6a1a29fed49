/** What the commands of `postern greylist` and `postern throttle` have in common: options, the store of state, and how they fail. */
import { accessSync, constants } from "node:fs";
import { Command } from "commander";
import { TemporaryError } from "../answer/temporary-error.ts";
import type { Configuration } from "../config/configuration.ts";
import { stateSettings } from "../daemon/state-settings.ts";
import { openState } from "../state/open-state.ts";
import type { Administration } from "../state/state-store.ts";
import { isMissing } from "../store/private-file.ts";
import {
  type ConfigurationOptions,
  configurationOption,
  exitTemporary,
  loadOrExplain,
  stateDirectoryOption,
} from "./configuration-option.ts";

export function subcommand(name: string, description: string): Command {
  return new Command(name).description(description).addOption(configurationOption()).addOption(stateDirectoryOption());
}

/** `read`: where the daemon has not made its tables yet, none are made. */
export async function withState(
  options: ConfigurationOptions,
  access: "read" | "write",
  run: (state: Administration, configuration: Configuration) => Promise<void>,
): Promise<void> {
  const configuration = loadOrExplain(options, { serves: false });
  if (configuration === undefined) {
    process.exitCode = 1;
    return;
  }
  const settings = stateSettings(configuration);
  if (settings.type === "sqlite" && !isThere(settings.path, access)) return;
  // What fails is thrown, too.
  const state = openState(settings, { onAvailability: () => {}, readOnly: access === "read" });
  try {
    await run(state, configuration);
  } catch (error) {
    if (!(error instanceof TemporaryError)) throw error;
    process.stderr.write(`cannot tell: ${error.message}\n`);
    process.exitCode = exitTemporary;
  } finally {
    await state.close();
  }
}

/** Else says why not: whoever types this may be another user than the daemon's, whose file it must be. */
function isThere(path: string, access: "read" | "write"): boolean {
  try {
    accessSync(path, access === "read" ? constants.R_OK : constants.R_OK | constants.W_OK);
    return true;
  } catch {
    if (isMissing(path)) {
      notFound(path);
      process.stderr.write(
        "The daemon makes it when it first serves with a greylist or a throttle. If it keeps it elsewhere, say where by --state-directory.\n",
      );
    } else {
      const right = access === "read" ? "readable" : "writable";
      process.stderr.write(`${path} is not ${right} for this user. Run the command as root, or as the user of the daemon.\n`);
      process.exitCode = exitTemporary;
    }
    return false;
  }
}

export function notFound(what: string): void {
  process.stderr.write(`${what} not found\n`);
  process.exitCode = 1;
}

export function nonsense(message: string): void {
  process.stderr.write(`${message}\n`);
  process.exitCode = 2;
}
