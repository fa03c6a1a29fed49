/** A directory read from the tables of an MTA and from plain lists, reloaded when they change. */

import { TemporaryError } from "../answer/temporary-error.ts";
import type { LineProblem } from "../file/file-problem.ts";
import { type Files, refreshAll } from "../file/files.ts";
import { type LogicalLine, logicalLines } from "../file/logical-line.ts";
import { takeLines } from "../file/plain-lines.ts";
import type { FileFormat } from "../file/read-file.ts";
import type { WatchedFile } from "../file/watched-file.ts";
import { canonicalLogin, isAddress, isPossible, parseAddress } from "../mail/address.ts";
import { parseAddressList } from "../mail/address-list.ts";
import { canonicalDomain } from "../mail/domain.ts";
import type { Account, Directory, Recipient } from "../stage/sources.ts";
import { insideQuotes, withoutInvisibleEnds } from "../text/around.ts";
import { atSign, dot, hyphen } from "../text/ascii.ts";
import { AddressTable, maxVerified } from "./address-table.ts";
import { parseAliases } from "./aliases.ts";
import type { DirectorySettings } from "./directory-settings.ts";
import { type Entry, mailbox, warnOfKey } from "./table-entry.ts";
import { parseMailboxes, parseVirtual } from "./virtual.ts";

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
    addresses: byLine(parseListed, () => false),
  };
}

type LineParser = (line: LogicalLine, problem: LineProblem) => Entry | readonly Entry[] | undefined;

function byLine(parse: LineParser, continues?: (line: string) => boolean): TableParser {
  return (text, problem) => {
    const entries: Entry[] = [];
    for (const line of logicalLines(text, continues)) {
      // An entry that is left out would be an address that does not exist.
      const read = line.text.includes("\ufffd") ? problem(line.number, "is not text in UTF-8. Convert it.") : parse(line, problem);
      if (read !== undefined) entries.push(...[read].flat());
    }
    return entries;
  };
}

/**
 * The tables are asked in their order. While one of them is not current (missing, wrong, being written), what they know is answered, and
 * what they do not know may be in the file by now: that cannot be told.
 */
export class FileDirectory implements Directory {
  readonly name: string;
  readonly waits = false;
  readonly forwards = true;
  readonly #files: readonly WatchedFile<AddressTable>[];
  readonly #domains: ReadonlySet<string>;
  readonly #aliasesDomain: string | undefined;

  /** Knows nothing before its first `refresh`. */
  constructor(settings: FileDirectorySettings, files: Files) {
    const { name, aliasesDomain, domains } = settings;
    const parsers = tableParsers(aliasesDomain);
    this.name = name;
    this.#aliasesDomain = aliasesDomain;
    this.#files = tableKinds.flatMap((kind) => {
      const format = kind === "addresses" ? listFormat(parsers.addresses) : tableFormat(parsers[kind]);
      return settings[kind].map((path) => files.watch({ name, variant: `${kind} ${aliasesDomain}`, path, format, needsEntries: true }));
    });
    this.#domains = new Set([...domains, ...(aliasesDomain === undefined ? [] : [aliasesDomain])].map(canonicalDomain));
  }

  /** Looks whether files changed. The first time it rejects with a `FileProblem` when one cannot be read. */
  refresh(): Promise<void> {
    return refreshAll(this.#files.map((file) => () => file.refresh()));
  }

  isLocalDomain(domain: string): boolean {
    if (this.#domains.has(domain) || this.#files.some(({ content }) => content.isLocalDomain(domain))) return true;
    this.#mustBeCurrent();
    return false;
  }

  recipient(address: string): Recipient | undefined {
    const found =
      this.#first((table) => table.exact(address)) ??
      this.#first((table) => table.withAnyTag(address)) ??
      this.#first((table) => table.inWholeDomain(address));
    if (found === undefined) this.#mustBeCurrent();
    return found;
  }

  /** Tables have no names of accounts: a login without a domain is of `aliases-domain`. */
  account(login: string): Account | undefined {
    if (login.includes("@") || this.#aliasesDomain === undefined) return undefined;
    return { addresses: [`${canonicalLogin(login)}@${this.#aliasesDomain}`], senders: [] };
  }

  verify(text: string): readonly string[] {
    const has = (address: string) => this.#files.some(({ content }) => content.has(address));
    const found = new Set(this.#files.flatMap(({ content }) => content.verify(text, has)));
    if (found.size === 0) this.#mustBeCurrent();
    return [...found].sort().slice(0, maxVerified);
  }

  expand(address: string): readonly string[] | undefined {
    const found = this.#first((table) => table.expand(address));
    if (found === undefined) this.#mustBeCurrent();
    return found;
  }

  #first<T>(ask: (table: AddressTable) => T | undefined): T | undefined {
    for (const { content } of this.#files) {
      const found = ask(content);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Throws a `TemporaryError`. */
  #mustBeCurrent(): void {
    const file = this.#files.find(({ isCurrent }) => !isCurrent);
    if (file !== undefined) throw new TemporaryError(`directory ${this.name}: ${file.path} ${file.doubt}`);
  }
}

function tableFormat(parse: TableParser): FileFormat<AddressTable> {
  return {
    create: (expected) => new AddressTable([], expected),
    add(table, portion, problem) {
      return addEntries(table, parse(portion.toString(), problem));
    },
  };
}

/** RFC 1035 2.3.4. What is longer is looked at by its labels. */
const maxLabelOctets = 63;

/** Of a table whose lines do not depend on each other: most are an address as it is. */
function listFormat(parse: TableParser): FileFormat<AddressTable> {
  return {
    ...tableFormat(parse),
    isByLine: true,
    add(table, portion, problem) {
      const other = (line: string, number: number) =>
        addEntries(
          table,
          parse(line, (_, ...what) => problem(number, ...what)),
        );
      return takeLines(portion, {
        plain(octets, start, end, number) {
          let at = end - 1;
          let isName = end - start <= maxLabelOctets;
          let after = 0x7f;
          // Not by `lastIndexOf`, which would go on through all lines before.
          for (; at >= start && octets[at] !== atSign; at -= 1) {
            const octet = octets[at] ?? 0;
            // A dot beside a dot or a hyphen: the others of what is plain add up to more, and two hyphens to less.
            if (octet + after <= 2 * dot && octet + after >= dot + hyphen) isName = false;
            after = octet;
          }
          if (at < start || after <= dot || !isName) return other(octets.toString("latin1", start, end), number);
          table.addMailboxPart(octets, start, at + 1, end);
          return 1;
        },
        other,
      });
    },
  };
}

/** How many they are. */
function addEntries(table: AddressTable, entries: readonly Entry[]): number {
  for (const entry of entries) addEntry(table, entry);
  return entries.length;
}

/** Of duplicates the first counts, as in postmap and newaliases. */
function addEntry(table: AddressTable, entry: Entry): void {
  switch (entry.kind) {
    case "domain":
      table.addDomain(entry.domain);
      break;
    case "whole-domain":
      table.addWholeDomain(entry.domain, entry.targets);
      break;
    case "mailbox":
      table.addMailbox(entry.address);
      break;
    case "nobody":
      table.addNobody(entry.address);
      break;
    case "address": {
      const targets = [...new Set(entry.targets)];
      table.add(entry.address, targets.length === 1 ? { kind: "mailbox", primaries: targets } : { kind: "list", members: targets });
    }
  }
}

/** One address a line; `@domain`, or `*@domain`, means every address of the domain. */
function parseListed({ number, text }: LogicalLine, problem: LineProblem): Entry | undefined {
  const [written = "", ...others] = parseAddressList(withoutInvisibleEnds(text)) ?? [];
  // One that is left out would be refused.
  if (others.length > 0 || !isAddress(written)) return problem(number, `"${text}" is not an address. Write one address a line.`);
  // No domain ends in a quote.
  const inside = insideQuotes(written) ?? written;
  for (const one of [inside, written]) {
    const address = parseAddress(one.replace(/^\*@/, "@"));
    if (isAddress(one) && isPossible(address)) return mailbox(address);
  }
  // Nobody can write to it.
  warnOfKey(number, inside, parseAddress(inside), problem);
  return undefined;
}
