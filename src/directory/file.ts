/** A directory read from the tables of an MTA and from plain lists, reloaded when they change. */

import type { OnAvailability } from "../answer/availability.ts";
import { logicalLines } from "../file/logical-line.ts";
import { type LineProblem, WatchedFile } from "../file/watched-file.ts";
import { isAddress, parseAddress } from "../mail/address.ts";
import { canonicalDomain } from "../mail/domain.ts";
import type { Directory, Recipient } from "../stage/sources.ts";
import { AddressTable } from "./address-table.ts";
import { parseAliases } from "./aliases.ts";
import type { DirectorySettings } from "./directory-settings.ts";
import { type Entry, parseVirtual } from "./virtual.ts";

type FileDirectorySettings = Extract<DirectorySettings, { readonly type: "file" }>;

type TableParser = (text: string, problem: LineProblem) => readonly Entry[];

/** How each kind of file is read, by its key in the configuration. */
export function tableParsers(aliasesDomain: string | undefined): Readonly<Record<"virtual" | "aliases" | "addresses", TableParser>> {
  return {
    virtual: (text, problem) => parseVirtual(text, aliasesDomain, problem),
    // The configuration has no aliases without their domain.
    aliases: (text, problem) => parseAliases(text, aliasesDomain ?? "", problem),
    addresses: parseAddresses,
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
    this.#files = [
      ...settings.virtual.map((path) => watch(path, parse.virtual)),
      ...settings.aliases.map((path) => watch(path, parse.aliases)),
      ...settings.addresses.map((path) => watch(path, parse.addresses)),
    ];
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

/** One address a line; `@domain` means every address of the domain. */
function parseAddresses(text: string, problem: LineProblem): readonly Entry[] {
  const entries: Entry[] = [];
  for (const line of logicalLines(text.replace(/^[^\S\n]+/gm, ""))) {
    const address = parseAddress(line.text);
    if (!isAddress(line.text)) problem(line.number, `"${line.text}" is not an address. Write one address a line.`);
    else if (address.startsWith("@")) entries.push({ kind: "whole-domain", domain: address.slice(1), target: address.slice(1) });
    else entries.push({ kind: "address", address, targets: [address] });
  }
  return entries;
}
