/** `postern query`: asks a map, as `postmap -q` does. */
import { Command } from "commander";
import { TemporaryError } from "../mail/temporary-error.ts";
import { askMap, isMap, mapNames } from "../stage/maps.ts";
import {
  type ConfigurationOptions,
  configurationOption,
  exitTemporary,
  loadOrExplain,
  stateDirectoryOption,
  withCore,
} from "./configuration-option.ts";

export function queryCommand(): Command {
  return new Command("query")
    .description("Asks a map for a key and prints its value.")
    .argument("<map>", `one of ${mapNames.join(", ")}`)
    .argument("<key>", "an address, a domain, or the key of a lookup")
    .addOption(configurationOption())
    .addOption(stateDirectoryOption())
    .addHelpText(
      "after",
      `
  recipients   the address, when mail for it is taken as local
  domains      the domain, when it is local
  aliases      where mail for an address goes, comma-separated, when that is elsewhere
  lookup/NAME  the value of a key in [lookup.NAME], [lookup-file.NAME] or [lookup-sql.NAME]

Exit status: 0 found, 1 not found (nothing is printed), 75 it cannot tell now, 2 no such map.`,
    )
    .action(async (map: string, key: string, options: ConfigurationOptions) => {
      const configuration = loadOrExplain(options);
      if (configuration === undefined) {
        process.exitCode = 1;
        return;
      }
      await withCore(configuration, true, async ({ core }) => {
        if (!isMap(map, core)) {
          process.stderr.write(`there is no map "${map}"; there are ${mapNames.join(", ")}\n`);
          process.exitCode = 2;
          return;
        }
        try {
          const value = await askMap(map, key, core);
          if (value === undefined) process.exitCode = 1;
          else process.stdout.write(`${value}\n`);
        } catch (error) {
          if (!(error instanceof TemporaryError)) throw error;
          process.stderr.write(`cannot tell: ${error.message}\n`);
          process.exitCode = exitTemporary;
        }
      });
    });
}
