/** `postern greylist import`: what another greylist has learnt. */
import { Command } from "commander";
import type { Administration, ImportedEntry } from "../state/state-store.ts";
import { cleanText } from "../text/controls.ts";
import type { ConfigurationOptions } from "./configuration-option.ts";
import { DumpProblem } from "./db-dump.ts";
import { helpText } from "./help-text.ts";
import { readPostgrey } from "./import-postgrey.ts";
import { readSqlgrey } from "./import-sqlgrey.ts";
import type { OnSkipped, SkipReason } from "./imported-entry.ts";
import { UnreadableFile } from "./named-file.ts";
import { nonsense, subcommand, withState } from "./state-command.ts";

export function importCommand(): Command {
  return new Command("import")
    .description("Takes over what another greylist has learnt. What is known here already stays.")
    .addCommand(
      subcommand("postgrey", "Reads postgrey.db and postgrey_clients.db, by running db_dump, or what db_dump has made of them.")
        .argument("[files...]", "the files (default: standard input, of db_dump)")
        .addHelpText(
          "after",
          helpText(`
Example:
  systemctl stop postgrey
  postern greylist import postgrey /var/lib/postgrey/postgrey.db /var/lib/postgrey/postgrey_clients.db

While postgrey runs, its files lack what it has learnt last. It knows clients by their networks only. With client = "domain-or-network" its entries serve clients without a name; the
addresses on the automatic whitelist apply to all senders.`),
        )
        .action((files: readonly string[], options: ConfigurationOptions) =>
          withState(options, "write", (state, { settings }) =>
            take(state, (onSkipped) => readPostgrey(files, settings.rcpt.greylist, Date.now(), onSkipped)),
          ),
        ),
    )
    .addCommand(
      subcommand("sqlgrey", "Reads the tables of sqlgrey from a store that the configuration names.")
        .argument("<store>", "its name: [store.NAME]")
        .addHelpText(
          "after",
          helpText(`
sqlgrey does not keep recipients of what has passed: of such rows those with a whole address count as passes of it, others are
taken only when session.rcpt.greylist.key is without "rcpt".`),
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

async function take(state: Administration, read: (onSkipped: OnSkipped) => AsyncIterable<ImportedEntry>): Promise<void> {
  const skipped = new Map<SkipReason, { count: number; readonly example: string }>();
  const onSkipped: OnSkipped = (why, what) => {
    const known = skipped.get(why);
    if (known) known.count += 1;
    else skipped.set(why, { count: 1, example: cleanText(what).slice(0, maxExample) });
  };
  let seen = 0;
  async function* counted() {
    for await (const entry of read(onSkipped)) {
      seen += 1;
      if (process.stderr.isTTY && seen % progressEvery === 0) process.stderr.write(`\r${seen} read`);
      yield entry;
    }
    if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  }
  try {
    const taken = await state.importEntries(counted(), Date.now());
    const useless = [...skipped.values()].reduce((sum, { count }) => sum + count, 0);
    process.stdout.write(`${taken} taken, ${seen - taken} known already, ${useless} too old or of no use\n`);
    for (const [why, { count, example }] of skipped) process.stderr.write(`${count} ${why}, such as: ${example}\n`);
    if (seen + useless === 0) process.stderr.write("there was no entry to read\n");
    if (seen === 0) process.exitCode = 1;
  } catch (error) {
    if (!(error instanceof DumpProblem || error instanceof UnreadableFile)) throw error;
    nonsense(error.message);
  }
}

/** Entries after which a terminal shows how many they are. */
const progressEvery = 1000;
const maxExample = 200;
