/** The archive of decisions as the configuration wants it: opened, opened anew when its settings change, or closed; and given all that is decided. */
import type { Configuration } from "../config/configuration.ts";
import { archivePath } from "./archive-settings.ts";
import type { DecisionArchive } from "./decision-archive.ts";
import type { Logger } from "./log.ts";
import { logArchive, logOutages } from "./log-lines.ts";
import type { Gathered } from "./operations.ts";

export class KeptArchive {
  readonly #gathered: Gathered;
  readonly #onAvailability;
  #open: { readonly settings: string; readonly archive: DecisionArchive; readonly stop: () => void } | undefined;

  constructor(gathered: Gathered, logger: Logger) {
    this.#gathered = gathered;
    this.#onAvailability = logOutages((path, up, cause) => logArchive(logger, path, up, cause));
  }

  get current(): DecisionArchive | undefined {
    return this.#open?.archive;
  }

  async change(configuration: Configuration): Promise<void> {
    const { decisions: limits } = configuration;
    const path = archivePath(configuration);
    const settings = JSON.stringify([path, limits]);
    if (limits !== undefined && settings === this.#open?.settings) return;
    await this.close();
    if (limits === undefined) return;
    const { DecisionArchive: Archive } = await import("./decision-archive.ts");
    const archive = new Archive({ path, limits, onAvailability: this.#onAvailability });
    this.#open = { settings, archive, stop: this.#gathered.watch((decision) => archive.keep(decision)) };
  }

  async close(): Promise<void> {
    const open = this.#open;
    this.#open = undefined;
    open?.stop();
    await open?.archive.close();
  }
}
