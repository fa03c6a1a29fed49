#!/usr/bin/env node
/** The command line. */
import { Command } from "commander";
import { checkCommand } from "./cli/check.ts";
import { evalCommand } from "./cli/eval.ts";
import { explainCommand } from "./cli/explain.ts";
import { greylistCommand } from "./cli/greylist.ts";
import { helpText } from "./cli/help-text.ts";
import { queryCommand } from "./cli/query.ts";
import { serveCommand } from "./cli/serve.ts";
import { sieveCommand } from "./cli/sieve.ts";
import { workerCommand } from "./cli/worker.ts";
import { version } from "./config/configuration.ts";

const program = new Command("postern")
  .description("Gives Postfix, Sendmail and other mail servers the EHLO-stage and RCPT-stage behaviour of a modern one.")
  .version(version)
  .configureHelp({ minWidthToWrap: 20 })
  .showHelpAfterError("(`postern --help` and `postern COMMAND --help` say more)")
  .addHelpText(
    "after",
    helpText(`
First steps:
  postern check -c FILE            report every problem of a configuration
  postern explain -c FILE --client 203.0.113.9 --helo mx.example.net --from a@b.example --to john@example.org
  postern serve -c FILE            run the daemon`),
  );
// A reader that has seen enough, such as head, ends a command. The daemon never writes to this stream.
program.hook("preAction", (_program, command) => {
  if (command.name() === "serve" || command.name() === "worker") return;
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit();
  });
});
// Invalid usage ends with 2, as with most programs; 1 has a meaning of its own in some commands.
program.exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2));
for (const command of [serveCommand, checkCommand, explainCommand, evalCommand, queryCommand, greylistCommand, sieveCommand])
  program.addCommand(command().copyInheritedSettings(program));
program.addCommand(workerCommand().copyInheritedSettings(program), { hidden: true });
await program.parseAsync();
