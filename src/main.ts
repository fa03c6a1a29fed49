#!/usr/bin/env node
/** The command line. */
import { Command } from "commander";
import packageJson from "../package.json" with { type: "json" };
import { helpText } from "./cli/help-text.ts";
import { Signals } from "./cli/signals.ts";

interface CommandEntry {
  /** What `--help` shows of it: its name first. */
  readonly usage: string;
  readonly summary: string;
  readonly isHidden?: boolean;
  /** The rest: what it imports takes far longer to load than all this. */
  readonly load: () => Promise<Command>;
}

const commands: readonly CommandEntry[] = [
  {
    usage: "serve [options]",
    summary: "Runs the daemon in the foreground. Log lines go to standard output.",
    load: async () => {
      const signals = new Signals(process);
      return (await import("./cli/serve.ts")).serveCommand(signals);
    },
  },
  {
    usage: "check [options]",
    summary: "Loads a configuration with all the files that it names and reports every problem. Opens nothing for writing.",
    load: async () => (await import("./cli/check.ts")).checkCommand(),
  },
  {
    usage: "explain [options]",
    summary:
      "Plays one SMTP session through the same code as the daemon and shows each step: what was asked, what came back, why. Changes no state.",
    load: async () => (await import("./cli/explain.ts")).explainCommand(),
  },
  {
    usage: "replay [options] <log...>",
    summary: "Makes the decisions of a log anew and shows which would differ. Changes no state.",
    load: async () => (await import("./cli/replay.ts")).replayCommand(),
  },
  {
    usage: "eval [options] [expression]",
    summary: "Evaluates one expression. Without -c, and without the default file, there are no directories or lookups to ask.",
    load: async () => (await import("./cli/eval.ts")).evalCommand(),
  },
  {
    usage: "query [options] <map> <key>",
    summary: "Asks a map for a key and prints its value.",
    load: async () => (await import("./cli/query.ts")).queryCommand(),
  },
  {
    usage: "greylist",
    summary: "Lists and edits the greylist, while the daemon runs or not.",
    load: async () => (await import("./cli/greylist.ts")).greylistCommand(),
  },
  {
    usage: "throttle",
    summary: "Lists and resets the counters of throttles, while the daemon runs or not.",
    load: async () => (await import("./cli/throttle.ts")).throttleCommand(),
  },
  {
    usage: "sieve [options] <script>",
    summary: "Compiles a Sieve script, runs it against an envelope, and prints the outcome, the changes and each step.",
    load: async () => (await import("./cli/sieve.ts")).sieveCommand(),
  },
  {
    usage: "opensmtpd-filter [options] <listener>",
    summary: "A filter of OpenSMTPD, which starts it and asks a policy listener through it.",
    load: async () => (await import("./cli/opensmtpd-filter.ts")).openSmtpdFilterCommand(),
  },
  {
    usage: "worker",
    summary: "A process of `postern serve`, which alone can start it.",
    isHidden: true,
    load: async () => {
      // A terminal and a service manager signal the whole group; the primary process says what to do.
      new Signals(process).handle(() => {});
      return (await import("./cli/worker.ts")).workerCommand();
    },
  },
];

const program = new Command("postern")
  .description("Gives Postfix, Sendmail and other mail servers the EHLO-stage and RCPT-stage behaviour of a modern one.")
  .version(packageJson.version)
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
// Also in `postern help check`. Of the others the help needs no more than the table has.
const named = new Set(process.argv.slice(2));
const usages = new Map<string, string>();
for (const { usage, summary, isHidden = false, load } of commands) {
  const [name = ""] = usage.split(" ");
  usages.set(name, usage);
  const command = named.has(name) ? await load() : new Command(name);
  program.addCommand(command.description(summary).copyInheritedSettings(program), { hidden: isHidden });
}
program.configureHelp({ ...program.configureHelp(), subcommandTerm: (command) => usages.get(command.name()) ?? "help [command]" });
await program.parseAsync();
