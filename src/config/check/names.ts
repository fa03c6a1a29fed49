/** Names that the file gives, and what is said of a name that it does not give. */
import type { Names } from "../../expr/ask.ts";
import { didYouMean } from "../../text/did-you-mean.ts";
import { suggestTable } from "../../text/table-name.ts";
import type { Document } from "../schema/schema.ts";
import { embeddedName } from "../schema/stores.ts";
import { isTable } from "../syntax/tree.ts";
import type { Problem } from "./report.ts";

export interface GivenNames extends Names {
  readonly listeners: ReadonlySet<string>;
  /** In lower case. */
  readonly scripts: { readonly active: ReadonlySet<string>; readonly inactive: ReadonlySet<string> };
  readonly used: UsedNames;
}

/** What rules and scripts name, as they are compiled. */
export interface UsedNames {
  /** By rules, and by the replies of refusals. */
  readonly variables: Set<string>;
  readonly dnsLists: Set<string>;
  /** One of them is a function that asks the DNS. */
  asksDns: boolean;
  /** By rules. */
  readonly statements: PlacedStatement[];
}

/** SQL that is the same whenever it is asked. */
export interface PlacedStatement {
  /** `''` and `'*'`: the data store. */
  readonly store: string;
  readonly sql: string;
  /** Of a rule, which may make the table itself, or be asked when another program has made it. */
  readonly isOfRule: boolean;
  /** That this is wrong with it. */
  readonly problem: (message: string) => Problem;
}

/** The directories that answer without waiting. */
const atHand: ReadonlySet<string | undefined> = new Set(["mta", "memory", "file"]);

/** `data`: as written. An entry with an error is not in the document, but its name is not unknown, and it may wait. */
export function namesIn(data: unknown, document: Document): GivenNames {
  const namesOf = (...path: string[]) => Object.keys(tableAt(data, path));
  const { active = [], inactive = [] } = Object.groupBy(namesOf("sieve", "trusted", "scripts"), (name) =>
    document.sieve.trusted.scripts[name]?.["is-active"] === false ? "inactive" : "active",
  );
  const inLowerCase = (names: readonly string[]) => new Set(names.map((name) => name.toLowerCase()));
  const known = { waits: false };
  const used: UsedNames = { variables: new Set<string>(), dnsLists: new Set<string>(), asksDns: false, statements: [] };
  return {
    listeners: new Set(namesOf("listener")),
    stores: new Set([embeddedName, ...namesOf("store")]),
    directories: new Map(namesOf("directory").map((name) => [name, { waits: !atHand.has(document.directory[name]?.type) }])),
    lookups: new Map([
      ...[...namesOf("lookup"), ...namesOf("lookup-file")].map((name) => [name, known] as const),
      ...namesOf("lookup-sql").map((name) => [name, { waits: true }] as const),
    ]),
    // One with an error may be meant for anything: `client` is known at every stage.
    dnsLists: new Map(namesOf("dns-list").map((name) => [name, document["dns-list"][name]?.of ?? "client"])),
    onDnsList: (name) => used.dnsLists.add(name),
    onDnsQuery() {
      used.asksDns = true;
    },
    scripts: { active: inLowerCase(active), inactive: inLowerCase(inactive) },
    used,
  };
}

// What is wrong with each name; `undefined`: nothing.

export function unknownStore(name: string, { stores }: Names): string | undefined {
  if (stores.has(name)) return undefined;
  return `unknown store "${name}".${didYouMean(name, stores) || suggestTable(name, ["store"], (table) => `Add ${table}, or use "embedded".`)}`;
}

export function unknownDirectory(name: string, { directories }: Names): string | undefined {
  if (name === "" || name === "*" || directories.has(name)) return undefined;
  return `unknown directory "${name}".${didYouMean(name, directories.keys()) || suggestTable(name, ["directory"], (table) => `Add ${table}, or use '*', the default one.`)}`;
}

export function unknownLookup(name: string, { lookups }: Names): string | undefined {
  if (lookups.has(name)) return undefined;
  return `unknown lookup "${name}".${didYouMean(name, lookups.keys()) || suggestTable(name, ["lookup", "lookup-file"], (table) => `Add ${table}.`)}`;
}

export function unknownScript(name: string, { scripts: { active, inactive } }: GivenNames): string | undefined {
  const key = name.toLowerCase();
  if (name === "" || active.has(key)) return undefined;
  if (inactive.has(key)) return `the script "${name}" is inactive. Set is-active = true (isActive in JSON), or name another one.`;
  return `unknown script "${name}".${didYouMean(name, active) || suggestTable(name, ["sieve.trusted.scripts"], (table) => `Add ${table} (in JSON a SieveSystemScript), or write false.`)}`;
}

function tableAt(data: unknown, path: readonly string[]): object {
  const found = path.reduce<unknown>((table, name) => (isTable(table) ? table[name] : undefined), data);
  return isTable(found) ? found : {};
}
