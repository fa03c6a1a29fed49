/** `postern greylist import`: what another greylist has learnt. */
import { existsSync } from "node:fs";
import { Command } from "commander";
import type { Administration, ImportedEntry } from "../state/state-store.ts";
import type { ConfigurationOptions } from "./configuration-option.ts";
import { nonsense, subcommand, withState } from "./greylist-state.ts";
import { readPostgrey } from "./import-postgrey.ts";
import { readSqlgrey } from "./import-sqlgrey.ts";

export function importCommand(): Command {
  return new Command("import")
    .description("Takes over what another greylist has learnt. What is known here already stays.")
    .addCommand(
      subcommand("postgrey", "Reads postgrey's Berkeley DB files as text, which db_dump -p makes of postgrey.db and postgrey_clients.db.")
        .argument("[files...]", "the texts (default: standard input)")
        .addHelpText(
          "after",
          `
Example:
  db_dump -p /var/lib/postgrey/postgrey.db > triplets; db_dump -p /var/lib/postgrey/postgrey_clients.db > clients
  postern greylist import postgrey triplets clients

postgrey knows clients by their networks only. With client = "domain-or-network" its entries serve clients without a name; the
addresses on the automatic whitelist apply to all senders.`,
        )
        .action((files: readonly string[], options: ConfigurationOptions) =>
          withState(options, "write", async (state, { settings }) => {
            const missing = files.find((file) => !existsSync(file));
            if (missing !== undefined) return nonsense(`there is no file ${missing}`);
            return take(state, (onSkipped) => readPostgrey(files, settings.rcpt.greylist, Date.now(), onSkipped));
          }),
        ),
    )
    .addCommand(
      subcommand("sqlgrey", "Reads the tables of sqlgrey from a store that the configuration names.")
        .argument("<store>", "its name: [store.NAME]")
        .addHelpText(
          "after",
          `
sqlgrey does not keep recipients of what has passed: of such rows those with a whole address count as passes of it, others are
taken only when session.rcpt.greylist.key is without "rcpt".`,
        )
        .action((name: string, options: ConfigurationOptions) =>
          withState(options, "write", async (state, { stores, settings }) => {
            const store = stores.get(name);
            if (store === undefined) nonsense(`there is no store "${name}"; there are ${[...stores.keys()].join(", ")}`);
            else await take(state, (onSkipped) => readSqlgrey(store, settings.rcpt.greylist, Date.now(), onSkipped));
          }),
        ),
    );
}

async function take(state: Administration, read: (onSkipped: () => void) => AsyncIterable<ImportedEntry>): Promise<void> {
  let skipped = 0;
  let seen = 0;
  async function* counted() {
    for await (const entry of read(() => (skipped += 1))) {
      seen += 1;
      yield entry;
    }
  }
  const taken = await state.importEntries(counted());
  process.stdout.write(`${taken} taken, ${seen - taken} known already, ${skipped} skipped (expired or not usable)\n`);
}
