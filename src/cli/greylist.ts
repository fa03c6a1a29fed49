/** `postern greylist`: what the greylist remembers, for the people who look after it. */
import { Command, InvalidArgumentError } from "commander";
import { clientOf, newSubjectOf, subjectOf, tripletOf } from "../daemon/greylist-subject.ts";
import { canonicalIp } from "../mail/ip.ts";
import { exactAddress } from "../stage/greylist-key.ts";
import type { Triplet } from "../state/decide.ts";
import type { AddressEntry, Administration, EntryFilter, GreylistEntry } from "../state/state-store.ts";
import type { ConfigurationOptions } from "./configuration-option.ts";
import { importCommand } from "./greylist-import.ts";
import { sayWhatElse } from "./greylist-near.ts";
import { addressJson, addressTable, entryJson, entryTable, statsJson, statsText } from "./greylist-table.ts";
import { helpText } from "./help-text.ts";
import { nonsense, notFound, subcommand, withState } from "./state-command.ts";

interface ListOptions extends ConfigurationOptions {
  readonly client?: string;
  readonly sender?: string;
  readonly recipient?: string;
  readonly waiting?: boolean;
  readonly passed?: boolean;
  readonly addresses?: boolean;
  readonly limit: number;
  readonly json?: boolean;
}

interface JsonOptions extends ConfigurationOptions {
  readonly json?: boolean;
}

export function greylistCommand(): Command {
  return new Command("greylist")
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(allowCommand())
    .addCommand(forgetCommand())
    .addCommand(statsCommand())
    .addCommand(importCommand())
    .addHelpText(
      "after",
      helpText(`
A client is shown as it is compared: the organisational domain of its forward-confirmed name, or its network. Senders are shown
folded, with # for numbers, as session.rcpt.greylist.fold-senders says.

Exit status: 0 done, 1 not found or the configuration has errors, 2 invalid input, 75 the store is unavailable.`),
    );
}

function listCommand(): Command {
  return subcommand("list", "Lists entries in the order of client, sender, recipient.")
    .option("--client <text>", "only where the client holds this text")
    .option("--sender <text>", "only where the sender does")
    .option("--recipient <text>", "only where the recipient does")
    .option("--waiting", "only those that have not passed yet")
    .option("--passed", "only those that have passed")
    .option("--addresses", "addresses and how often they have passed, in place of entries; --client filters them")
    .option("--limit <number>", "how many at most; 0: all", limitOf, 100)
    .option("--json", "one JSON object a line")
    .action((options: ListOptions) =>
      withState(options, "read", async (state) => {
        if (options.addresses) await listAddresses(state, options);
        else await listEntries(state, options);
      }),
    );
}

function limitOf(text: string): number {
  const limit = Number(text);
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError("Give a whole number.");
  return limit === 0 ? Number.POSITIVE_INFINITY : limit;
}

const pageSize = 1000;

async function listEntries(state: Administration, { client, sender, recipient, waiting, passed, limit, json }: ListOptions): Promise<void> {
  const only = waiting === passed ? undefined : waiting ? "waiting" : "passed";
  const filter: EntryFilter = {
    ...(client !== undefined && { client: client.toLowerCase() }),
    ...(sender !== undefined && { sender: sender.toLowerCase() }),
    ...(recipient !== undefined && { recipient: recipient.toLowerCase() }),
    ...(only !== undefined && { state: only }),
  };
  await print(
    (after: GreylistEntry | undefined, count) => state.list(filter, { limit: count, ...(after && { after }) }),
    limit,
    (entries) => (json ? entries.map(entryJson) : entryTable(entries)),
  );
}

async function listAddresses(state: Administration, { client = "", limit, json }: ListOptions): Promise<void> {
  await print(
    (after: AddressEntry | undefined, count) =>
      state.listAddresses(client.toLowerCase(), { limit: count, ...(after && { after: after.address }) }),
    limit,
    (entries) => (json ? entries.map(addressJson) : addressTable(entries)),
  );
}

/** Page by page, since there may be millions. */
async function print<T>(
  read: (after: T | undefined, count: number) => Promise<readonly T[]>,
  limit: number,
  render: (page: readonly T[]) => readonly string[],
): Promise<void> {
  let last: T | undefined;
  for (let left = limit; left > 0; ) {
    const count = Math.min(left, pageSize);
    const page = await read(last, count);
    if (page.length > 0) process.stdout.write(`${render(page).join("\n")}\n`);
    last = page.at(-1);
    left -= page.length;
    if (page.length < count) return;
  }
  if ((await read(last, 1)).length > 0) process.stderr.write(`there are more than ${limit}; --limit 0 lists all\n`);
}

function showCommand(): Command {
  return subcommand("show", "Shows what is known of a client, or of one entry.")
    .argument("<client>", "an address, a network or a name")
    .argument("[sender]", "with a recipient: the one entry")
    .argument("[recipient]")
    .option("--json", "one JSON object a line")
    .action((client: string, sender: string | undefined, recipient: string | undefined, options: JsonOptions) =>
      withState(options, "read", async (state, configuration) => {
        const lines: string[] = [];
        const address = canonicalIp(client);
        const known = address === undefined ? undefined : await state.address(exactAddress(address));
        if (address !== undefined && known !== undefined) {
          const entry = { address: exactAddress(address), ...known };
          lines.push(...(options.json ? [addressJson(entry)] : addressTable([entry])));
        }
        const key = clientOf(client, configuration);
        const whole = sender === undefined || recipient === undefined ? undefined : tripletOf(client, sender, recipient, configuration);
        const row = whole && (await state.triplet(whole));
        const entries = whole ? (row ? [{ ...whole, ...row }] : []) : await entriesOf(key, state);
        if (lines.length > 0 && entries.length > 0 && !options.json) lines.push("");
        if (entries.length > 0) lines.push(...(options.json ? entries.map(entryJson) : entryTable(entries)));
        if (lines.length === 0) {
          notFound(whole ? "that entry" : key);
          await sayWhatElse(client, whole, state, configuration);
        } else printLines(lines);
      }),
    );
}

async function entriesOf(client: string, state: Administration): Promise<readonly GreylistEntry[]> {
  const entries: GreylistEntry[] = [];
  for (let after: GreylistEntry | undefined; ; ) {
    const page = await state.list({ exactClient: client }, { limit: pageSize, ...(after && { after }) });
    entries.push(...page);
    after = page.at(-1);
    if (page.length < pageSize) return entries;
  }
}

function allowCommand(): Command {
  return subjectCommand(
    "allow",
    "From now on lets an address, or one entry, pass without a wait, until it is forgotten. Prints what is remembered.",
    newSubjectOf,
    async (state, subject, sayElse) => {
      const now = Date.now();
      if (typeof subject === "string") {
        await state.allow(subject, now);
        const row = await state.address(subject);
        if (row !== undefined) printLines(addressTable([{ address: subject, ...row }]));
        return;
      }
      const isNew = (await state.triplet(subject)) === undefined;
      await state.allow(subject, now);
      const row = await state.triplet(subject);
      if (row !== undefined) printLines(entryTable([{ ...subject, ...row }]));
      if (isNew) await sayElse();
    },
  );
}

function forgetCommand(): Command {
  return subjectCommand(
    "forget",
    "Forgets an address, or one entry, as if it had never come.",
    subjectOf,
    async (state, subject, sayElse) => {
      if (await state.forget(subject)) return;
      notFound(typeof subject === "string" ? subject : "that entry");
      if (typeof subject !== "string") await sayElse();
    },
  );
}

/** One that changes what is known of an address, or of one entry. */
function subjectCommand(
  name: string,
  description: string,
  meaning: typeof subjectOf,
  change: (state: Administration, subject: Triplet | string, sayElse: () => Promise<void>) => Promise<void>,
): Command {
  return subcommand(name, description)
    .argument("<client>", "an address; with sender and recipient also a network or a name")
    .argument("[sender]", '"" is the null sender')
    .argument("[recipient]")
    .action((client: string, sender: string | undefined, recipient: string | undefined, options: ConfigurationOptions) =>
      withState(options, "write", async (state, configuration) => {
        const subject = meaning(client, sender, recipient, configuration);
        if ("problem" in subject) return nonsense(subject.problem);
        const [entry, triplet] = "address" in subject ? [subject.address] : [subject, subject];
        await change(state, entry, () => sayWhatElse(client, triplet, state, configuration));
      }),
    );
}

function printLines(lines: readonly string[]): void {
  process.stdout.write(`${lines.join("\n")}\n`);
}

function statsCommand(): Command {
  return subcommand("stats", "Shows statistics of the state store.")
    .option("--json", "one JSON object")
    .action((options: JsonOptions) =>
      withState(options, "read", async (state) => {
        const stats = await state.stats(Date.now());
        process.stdout.write(options.json ? `${statsJson(stats)}\n` : statsText(stats));
      }),
    );
}
