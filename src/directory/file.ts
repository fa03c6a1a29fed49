/** A directory read from the tables of an MTA and from plain lists, reloaded when they change. */

import type { OnAvailability } from "../answer/availability.ts";
import { type LogicalLine, logicalLines } from "../file/logical-line.ts";
import { type LineProblem, WatchedFile } from "../file/watched-file.ts";
import { isAddress, parseAddress } from "../mail/address.ts";
import { parseAddressList } from "../mail/address-list.ts";
import { canonicalDomain } from "../mail/domain.ts";
import type { Directory, Recipient } from "../stage/sources.ts";
import { AddressTable } from "./address-table.ts";
import { parseAliases } from "./aliases.ts";
import type { DirectorySettings } from "./directory-settings.ts";
import { type Entry, mailbox, parseMailboxes, parseVirtual } from "./virtual.ts";

type FileDirectorySettings = Extract<DirectorySettings, { readonly type: "file" }>;

type TableParser = (text: string, problem: LineProblem) => readonly Entry[];

/** The kinds of files, by their keys in the configuration. */
export const tableKinds = ["virtual", "aliases", "mailboxes", "addresses"] as const;

/** How each kind of file is read. */
export function tableParsers(aliasesDomain: string | undefined): Readonly<Record<(typeof tableKinds)[number], TableParser>> {
  return {
    virtual: byLine((line, problem) => parseVirtual(line, aliasesDomain, problem)),
    // The configuration has no aliases without their domain.
    aliases: byLine((line, problem) => parseAliases(line, aliasesDomain ?? "", problem)),
    mailboxes: byLine((line, problem) => parseMailboxes(line, aliasesDomain, problem)),
    addresses: (text, problem) => byLine(parseListed)(text.replace(/^[^\S\n]+/gm, ""), problem),
  };
}

function byLine(parse: (line: LogicalLine, problem: LineProblem) => Entry | undefined): TableParser {
  return (text, problem) => {
    const entries: Entry[] = [];
    for (const line of logicalLines(text)) {
      // An entry that is left out would be an address that does not exist.
      const entry = line.text.includes("\ufffd") ? problem(line.number, "is not text in UTF-8. Convert it.") : parse(line, problem);
      if (entry !== undefined) entries.push(entry);
    }
    return entries;
  };
}

export class FileDirectory implements Directory {
  readonly name: string;
  readonly waits = false;
  readonly forwards = true;
  readonly #settings: FileDirectorySettings;
  readonly #files: readonly WatchedFile<readonly Entry[]>[];
  #table: AddressTable;

  /** Reads all files; throws a `FileProblem`. */
  constructor(settings: FileDirectorySettings, onAvailability: OnAvailability) {
    const { name, aliasesDomain } = settings;
    const parse = tableParsers(aliasesDomain);
    const watch = (path: string, parser: TableParser) => new WatchedFile(`${name}: ${path}`, path, parser, onAvailability);
    this.name = name;
    this.#settings = settings;
    this.#files = tableKinds.flatMap((kind) => settings[kind].map((path) => watch(path, parse[kind])));
    this.#table = this.#build();
  }

  /** Looks whether files changed. */
  async refresh(): Promise<void> {
    const changes = await Promise.all(this.#files.map((file) => file.refresh()));
    if (changes.includes(true)) this.#table = this.#build();
  }

  isLocalDomain(domain: string): boolean {
    return this.#table.isLocalDomain(domain);
  }

  recipient(address: string): Recipient | undefined {
    return this.#table.recipient(address);
  }

  verify(text: string): readonly string[] {
    return this.#table.verify(text);
  }

  expand(address: string): readonly string[] | undefined {
    return this.#table.expand(address);
  }

  #build(): AddressTable {
    const { domains, aliasesDomain } = this.#settings;
    const table = new AddressTable(domains.map(canonicalDomain));
    if (aliasesDomain !== undefined) table.addDomain(canonicalDomain(aliasesDomain));
    for (const file of this.#files) for (const entry of file.content) addEntry(table, entry);
    return table;
  }
}

function addEntry(table: AddressTable, entry: Entry): void {
  switch (entry.kind) {
    case "domain":
      table.addDomain(entry.domain);
      break;
    case "whole-domain":
      table.setWholeDomain(entry.domain, entry.target);
      break;
    case "address": {
      // Of duplicates the first counts, as in postmap and newaliases.
      if (table.has(entry.address)) break;
      const targets = [...new Set(entry.targets)];
      table.set(entry.address, targets.length === 1 ? { kind: "mailbox", primaries: targets } : { kind: "list", members: targets });
    }
  }
}

/** One address a line; `@domain`, or `*@domain`, means every address of the domain. */
function parseListed({ number, text }: LogicalLine, problem: LineProblem): Entry | undefined {
  const [address = "", ...others] = parseAddressList(text) ?? [];
  if (others.length === 0 && isAddress(address)) return mailbox(parseAddress(address.replace(/^\*@/, "@")));
  return problem(number, `"${text}" is not an address. Write one address a line.`);
}
