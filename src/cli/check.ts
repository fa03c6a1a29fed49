/** `postern check`: every problem of a configuration, before it serves. */
import { Command } from "commander";
import { formatProblem } from "../config/check/report.ts";
import { renderConfiguration } from "../config/docs/print.ts";
import { messageOf } from "../daemon/message-of.ts";
import { problemWithState } from "../daemon/state-settings.ts";
import { isRefused } from "../store/private-file.ts";
import { type ConfigurationOptions, configurationOption, loadOrExplain, stateDirectoryOption, withCore } from "./configuration-option.ts";
import { helpText } from "./help-text.ts";

interface CheckOptions extends ConfigurationOptions {
  readonly print?: boolean;
  readonly connect?: boolean;
}

export function checkCommand(): Command {
  return new Command("check")
    .addOption(configurationOption())
    .addOption(stateDirectoryOption())
    .option("--print", "print the whole configuration as understood, defaults included")
    .option(
      "--connect",
      "also try each store, server and DNS list that the configuration names, and the SQL of scripts in stores without init",
    )
    .addHelpText(
      "after",
      helpText(`
Each problem is one line on standard error: FILE:LINE:COLUMN: KEY: what is wrong. How to fix it.
Exit status: 0 no errors (warnings do not count), 1 errors, or with --connect a store or server that cannot be reached or refuses what it
is to be asked, or a DNS list that does not have its test addresses right (RFC 5782 section 5).`),
    )
    .action(async (options: CheckOptions) => {
      const configuration = loadOrExplain(options);
      if (configuration === undefined) {
        process.exitCode = 1;
        return;
      }
      const unusable = problemWithState(configuration);
      if (unusable !== undefined) {
        // Another user than the daemon's may try this.
        const isCertain = !isRefused(unusable.cause);
        process.stderr.write(`${options.config}: ${isCertain ? "" : "warning: "}${messageOf(unusable)}.\n`);
        if (isCertain) process.exitCode = 1;
      }
      await withCore(configuration, true, async ({ files, connections, checkStatements }) => {
        if (options.print) process.stdout.write(renderConfiguration(configuration));
        else if (process.exitCode !== 1)
          process.stdout.write(
            `${options.config}: no errors\n${files
              .all()
              .map(({ path, entries }) => `${path}: ${entries === 1 ? "1 entry" : `${entries} entries`}\n`)
              .join("")}`,
          );
        if (options.connect) {
          for (const { name, connect } of connections) {
            try {
              process.stderr.write(`${name}: ${await connect()}\n`);
            } catch {
              // Why was reported when it failed.
              process.exitCode = 1;
            }
          }
          for (const problem of await checkStatements()) {
            process.stderr.write(`${formatProblem(configuration.problemInScript(problem))}\n`);
            process.exitCode = 1;
          }
        }
      });
    });
}
