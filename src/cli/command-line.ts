/** The command line. */
import { Command } from "commander";
import packageJson from "../../package.json" with { type: "json" };
import { helpText } from "./help-text.ts";
import { Signals } from "./signals.ts";

/** sysexits.h: EX_IOERR. */
const exitUnwritten = 74;

interface CommandEntry {
  /** What `--help` shows of it: its name first. */
  readonly usage: string;
  readonly summary: string;
  readonly isHidden?: boolean;
  /** The rest: what it imports takes far longer to load than all this. */
  readonly load: () => Promise<Command>;
}

/** Others may have its name as an argument, and are ended by signals. */
const isRun = (name: string) => process.argv[2] === name;

const commands: readonly CommandEntry[] = [
  {
    usage: "serve [options]",
    summary: "Runs the daemon in the foreground. Log lines go to standard output.",
    load: async () => {
      const signals = new Signals(isRun("serve") ? process : undefined);
      return (await import("./serve.ts")).serveCommand(signals);
    },
  },
  {
    usage: "check [options]",
    summary: "Loads a configuration with all the files that it names and reports every problem. Opens nothing for writing.",
    load: async () => (await import("./check.ts")).checkCommand(),
  },
  {
    usage: "explain [options]",
    summary:
      "Plays one SMTP session through the same code as the daemon and shows each step: what was asked, what came back, why. Changes no state.",
    load: async () => (await import("./explain.ts")).explainCommand(),
  },
  {
    usage: "replay [options] <log...>",
    summary: "Makes the decisions of a log anew and shows which would differ. Changes no state.",
    load: async () => (await import("./replay.ts")).replayCommand(),
  },
  {
    usage: "eval [options] [expression]",
    summary: "Evaluates one expression. Without -c, and without the default file, there are no directories or lookups to ask.",
    load: async () => (await import("./eval.ts")).evalCommand(),
  },
  {
    usage: "query [options] <map> <key>",
    summary: "Asks a map for a key and prints its value.",
    load: async () => (await import("./query.ts")).queryCommand(),
  },
  {
    usage: "greylist",
    summary: "Lists and edits the greylist, while the daemon runs or not.",
    load: async () => (await import("./greylist.ts")).greylistCommand(),
  },
  {
    usage: "throttle",
    summary: "Lists and resets the counters of throttles, while the daemon runs or not.",
    load: async () => (await import("./throttle.ts")).throttleCommand(),
  },
  {
    usage: "sieve [options] <script>",
    summary: "Compiles a Sieve script, runs it against an envelope, and prints the outcome, the changes and each step.",
    load: async () => (await import("./sieve.ts")).sieveCommand(),
  },
  {
    usage: "opensmtpd-filter [options] <listener>",
    summary: "A filter of OpenSMTPD, which starts it and asks a policy listener through it.",
    load: async () => (await import("./opensmtpd-filter.ts")).openSmtpdFilterCommand(),
  },
  {
    usage: "worker",
    summary: "A process of `postern serve`, which alone can start it.",
    isHidden: true,
    load: async () => {
      // A terminal and a service manager signal the whole group; the primary process says what to do.
      if (isRun("worker")) new Signals(process).handle(() => {});
      return (await import("./worker.ts")).workerCommand();
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
// The daemon never writes to this stream.
program.hook("preAction", (_program, command) => {
  if (command.name() !== "serve" && command.name() !== "worker") process.stdout.on("error", unwritten);
});
program.exitOverride(({ exitCode }) => {
  // Of what was written synchronously, as the help to a file is.
  if (exitCode === 0 && process.stdout.errored !== null) unwritten(process.stdout.errored);
  // Invalid usage ends with 2, as with most programs; 1 has a meaning of its own in some commands.
  process.exit(exitCode === 0 ? 0 : 2);
});
program.configureOutput({ outputError: (text, write) => write(withMeantOption(text)) });
// Also in `postern help check`. Of the others the help needs no more than the table has.
const named = new Set(process.argv.slice(2));
const usages = new Map<string, string>();
for (const { usage, summary, isHidden = false, load } of commands) {
  const [name = ""] = usage.split(" ");
  usages.set(name, usage);
  const command = named.has(name) ? await load() : new Command(name);
  program.addCommand(command.description(summary), { hidden: isHidden });
  inheritSettings(command, program);
}
program.configureHelp({ ...program.configureHelp(), subcommandTerm: (command) => usages.get(command.name()) ?? "help [command]" });
try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof Error && "syscall" in error && error.syscall === "uv_cwd")) throw error;
  process.stderr.write(
    "the working directory is no longer there, and a path is relative to it. Change to another one, or give absolute paths.\n",
  );
  process.exitCode = 1;
}

/** A command with commands of its own takes what it is told, and they do not. */
function inheritSettings(command: Command, parent: Command): void {
  command.copyInheritedSettings(parent);
  for (const each of command.commands) inheritSettings(each, command);
}

/** Ends a command whose output nobody takes: a reader that has seen enough, such as head, is no fault. */
function unwritten(error: NodeJS.ErrnoException): never {
  if (error.code === "EPIPE") process.exit();
  process.stderr.write(`the output cannot be written: ${error.message}\n`);
  process.exit(exitUnwritten);
}

/** `-c` is easily forgotten. */
function withMeantOption(text: string): string {
  const [, file] = /^error: too many arguments.*[:,] (\S+\.(?:toml|json))\.$/m.exec(text) ?? [];
  return file === undefined ? text : `${text.trimEnd()} Name a configuration by its option: -c ${file}\n`;
}
