/** `postern check`: every problem of a configuration, before it serves. */
import { Command } from "commander";
import { formatProblem } from "../config/check/report.ts";
import type { Configuration } from "../config/configuration.ts";
import { type ComparedConfiguration, differencesOf } from "../config/docs/difference.ts";
import { printedDocument, renderConfiguration } from "../config/docs/print.ts";
import { problemWithArchive } from "../daemon/archive-settings.ts";
import { socketWarnings } from "../daemon/listen-problem.ts";
import { messageOf } from "../daemon/message-of.ts";
import { problemWithState } from "../daemon/state-settings.ts";
import { isRefused } from "../store/private-file.ts";
import {
  type ConfigurationOptions,
  configurationOption,
  exitTemporary,
  loadOrExplain,
  stateDirectoryOption,
  withCore,
} from "./configuration-option.ts";
import { helpText } from "./help-text.ts";
import { daemonAddress, runningConfiguration } from "./running-configuration.ts";

interface CheckOptions extends ConfigurationOptions {
  readonly print?: boolean;
  readonly connect?: boolean;
  readonly against?: string;
}

export function checkCommand(): Command {
  return new Command("check")
    .addOption(configurationOption())
    .addOption(stateDirectoryOption())
    .option("--print", "print the whole configuration as understood, defaults included")
    .option(
      "--connect",
      "also try the state and each store, server and DNS list that the configuration names, and the SQL of rules and scripts in stores without init",
    )
    .option(
      "--against <file>",
      "also print what is otherwise than in another configuration, or than in what a daemon serves by: http://ADDRESS:PORT or unix:SOCKET of its http listener",
    )
    .addHelpText(
      "after",
      helpText(`
With --against each line is a setting: what it was there, and what it is here. Defaults count; passwords are not compared.
Each problem is one line on standard error: FILE:LINE:COLUMN: KEY: what is wrong. How to fix it.
Exit status: 0 no errors (warnings do not count), 1 errors, or with --connect a store or server that cannot be reached or refuses what it
is to be asked, a resolver of the DNS, where that is needed, that gives no answer, or a DNS list that does not have its test addresses
right (RFC 5782 section 5).`),
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
      for (const warning of socketWarnings(configuration)) process.stderr.write(`${warning}\n`);
      const unkept = problemWithArchive(configuration);
      if (unkept !== undefined) process.stderr.write(`${options.config}: warning: ${unkept}.\n`);
      if (options.against !== undefined) return printDifferences(configuration, options.against, options);
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
            process.stderr.write(`${formatProblem(problem)}\n`);
            if (problem.severity === "error") process.exitCode = 1;
          }
        }
      });
    });
}

async function printDifferences(configuration: Configuration, against: string, options: CheckOptions): Promise<void> {
  const address = daemonAddress(against);
  try {
    const before = address === undefined ? loadOrExplain({ ...options, config: against }) : await runningConfiguration(address);
    if (before === undefined) {
      process.exitCode = 1;
      return;
    }
    const lines = differencesOf("document" in before ? before : compared(before), compared(configuration));
    process.stdout.write(lines.length === 0 ? "nothing differs\n" : `${lines.join("\n")}\n`);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    process.stderr.write(`${against}: ${error.message}\n`);
    process.exitCode = exitTemporary;
  }
}

/** As it would be printed. */
function compared(configuration: Configuration): ComparedConfiguration {
  const { file, placeOf } = configuration;
  return {
    document: printedDocument(configuration),
    placeOf(path) {
      const place = placeOf(path);
      return place && { ...place, file };
    },
  };
}
