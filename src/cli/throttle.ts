/** `postern throttle`: what throttles have counted, for the people who look after them. */
import { Command } from "commander";
import type { Configuration } from "../config/configuration.ts";
import { type Throttle, throttlesOf } from "../stage/stage-settings.ts";
import { countersOf, resetCounters, type ThrottleCounter } from "../state/throttle-counters.ts";
import { cleanText } from "../text/controls.ts";
import { didYouMean } from "../text/did-you-mean.ts";
import { formatTime } from "../text/time.ts";
import type { ConfigurationOptions } from "./configuration-option.ts";
import { helpText } from "./help-text.ts";
import { nonsense, notFound, subcommand, withState } from "./state-command.ts";
import { table } from "./text-table.ts";

interface ListOptions extends ConfigurationOptions {
  readonly near?: boolean;
  readonly json?: boolean;
}

interface ResetOptions extends ConfigurationOptions {
  readonly all?: boolean;
}

export function throttleCommand(): Command {
  return new Command("throttle")
    .addCommand(listCommand())
    .addCommand(resetCommand())
    .addHelpText(
      "after",
      helpText(`
A throttle is known by its name, or by its place in the list of session.throttle, from 1. A key with several values has a space between them.

Exit status: 0 done, 1 not found or the configuration has errors, 2 invalid input, 75 the store is unavailable.`),
    );
}

function listCommand(): Command {
  return subcommand("list", "Lists what is counted now, throttle by throttle.")
    .argument("[name]", "only this throttle")
    .option("--near", "only counters over 80 % of their limit")
    .option("--json", "one JSON object a line")
    .action((name: string | undefined, options: ListOptions) =>
      withState(options, "read", async (state, configuration) => {
        const throttles = chosen(configuration, name);
        if (throttles === undefined) return;
        for await (const counters of countersOf(state, throttles, Date.now(), options.near)) {
          if (counters.length === 0) continue;
          const lines = options.json ? counters.map(counterJson) : counterTable(counters);
          process.stdout.write(`${lines.join("\n")}\n`);
        }
      }),
    );
}

function resetCommand(): Command {
  return subcommand("reset", "Lets what was counted begin again.")
    .argument("<name>")
    .argument("[key...]", "as it is listed, or an address in the network that is; not needed where all is counted together")
    .option("--all", "all counters of this throttle")
    .action((name: string, values: readonly string[], options: ResetOptions) =>
      withState(options, "write", async (state, configuration) => {
        const [throttle] = chosen(configuration, name) ?? [];
        if (throttle === undefined) return;
        const key = values.join(" ");
        if (options.all && values.length > 0) return nonsense("give a key or --all, not both");
        if (!options.all && values.length === 0 && throttle.key.length > 0)
          return nonsense(`"${name}" counts by ${throttle.key.join(", ")}: give a key, or --all`);
        const count = await resetCounters(state, throttle, options.all ? undefined : key);
        if (count === 0) notFound(key === "" ? `a counter of "${name}"` : `"${key}"`);
        else process.stdout.write(`${count === 1 ? "1 counter begins" : `${count} counters begin`} again\n`);
      }),
    );
}

/** All without a name; `undefined`: there is none of that name, which was reported. */
function chosen({ settings }: Configuration, name: string | undefined): readonly Throttle[] | undefined {
  const all = throttlesOf(settings);
  const found = name === undefined ? all : all.filter((throttle) => throttle.name === name);
  if (found.length > 0 || name === undefined) return found;
  const names = all.map((throttle) => throttle.name);
  nonsense(`there is no throttle "${name}".${didYouMean(name, names) || ` There are: ${names.join(", ") || "none"}.`}`);
  return undefined;
}

function counterTable(counters: readonly ThrottleCounter[]): readonly string[] {
  return table([
    ["NAME", "KEY", "COUNT", "LIMIT", "SINCE (UTC)"],
    ...counters.map(({ throttle, key, count, since }) => [
      ...[throttle.name, cleanText(key) || "-", String(count), throttle.title, formatTime(since).replace("T", " ").replace("Z", "")],
    ]),
  ]);
}

function counterJson({ throttle, key, count, since }: ThrottleCounter): string {
  return JSON.stringify({
    ...{ name: throttle.name, key, count, limit: throttle.count, periodSeconds: throttle.periodMs / 1000 },
    since: formatTime(since),
  });
}
