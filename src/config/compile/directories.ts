/** `[directory.*]`: who exists. */
import type { DirectorySettings, Principal } from "../../directory/directory-settings.ts";
import { tableKinds, tableParsers } from "../../directory/file.ts";
import type { LineProblem } from "../../file/file-problem.ts";
import { canonicalLogin, domainOf, isAddress, parseAddress } from "../../mail/address.ts";
import { canonicalDomain, isMailDomain } from "../../mail/domain.ts";
import type { Queries } from "../../store/store-settings.ts";
import { didYouMean } from "../../text/did-you-mean.ts";
import { unknownStore } from "../check/names.ts";
import type { ProblemReport } from "../check/report.ts";
import type { Normalised } from "../normalise.ts";
import type { KeyPath } from "../syntax/tree.ts";
import { cacheOf } from "./caches.ts";
import { compileCallAhead } from "./call-ahead.ts";
import { type CompileContext, checkLines } from "./context.ts";
import { compileLdap } from "./ldap-directory.ts";
import { LocalDomains } from "./local-domains.ts";

type NormalisedDirectory = Normalised["directory"][string];
type Of<T extends string> = Extract<NormalisedDirectory, { type: T }>;

export function compileDirectories({ directory, store }: Normalised, context: CompileContext): ReadonlyMap<string, DirectorySettings> {
  return new Map(Object.entries(directory).map(([name, each]) => [name, settingsOf(name, each, store, context)]));
}

function settingsOf(name: string, directory: NormalisedDirectory, stores: Normalised["store"], context: CompileContext): DirectorySettings {
  const path: KeyPath = ["directory", name];
  switch (directory.type) {
    case "mta":
      return { type: "mta", name };
    case "memory":
      return memory(name, path, directory, context);
    case "file":
      return file(name, path, directory, context);
    case "ldap":
      return compileLdap(name, path, directory, context);
    case "sql": {
      const { store, cache } = directory;
      context.report.errorIf([...path, "store"], unknownStore(store, context.names));
      context.report.errorIf(["store", store, "query", "members"], listsOfAnAccount(stores[store]?.query));
      return { type: "sql", name, store, cache: cacheOf(cache) };
    }
    case "smtp":
    case "lmtp":
      return compileCallAhead(name, path, directory, context);
  }
}

/** Some servers ask the other way round, for the lists that an account is on: where accounts are named by their addresses, each would be a list. */
function listsOfAnAccount(queries: Queries | undefined): string | undefined {
  if (queries === undefined) return undefined;
  const [members, accounts, addresses] = [queries.members, queries.emails, queries.recipients].map(comparedColumns);
  const column = members?.find((each) => accounts?.includes(each) && !addresses?.includes(each));
  if (column === undefined) return undefined;
  return `compares "${column}", as emails does for an account, but the parameter is the address of a list. Select the addresses of its members, or write "".`;
}

/** What a statement compares its parameter with. */
function comparedColumns(statement: string): readonly string[] {
  return [...statement.matchAll(/(\w+)"?\s*=\s*(?:\$1|\?)/g)].map(([, column = ""]) => column.toLowerCase());
}

function memory(name: string, path: KeyPath, { principals, domains }: Of<"memory">, { report }: CompileContext): DirectorySettings {
  const names = new Set(principals.map((principal) => principal.name));
  const logins = new Set<string>();
  const settings = principals.map((principal, index): Principal => {
    const at: KeyPath = [...path, "principals", index];
    const login = canonicalLogin(principal.name);
    if (logins.has(login))
      report.error([...at, "name"], `there is a principal "${principal.name}" already. Give all its addresses to one.`);
    logins.add(login);
    for (const [place, group] of principal["member-of"].entries()) {
      if (names.has(group)) continue;
      const fix = didYouMean(group, names) || " Add it to the principals.";
      report.error([...at, "member-of", place], `unknown principal "${group}".${fix}`);
    }
    return {
      name: principal.name,
      class: principal.class,
      email: addresses([...at, "email"], principal.email, report),
      emailList: addresses([...at, "email-list"], principal["email-list"], report),
      memberOf: principal["member-of"],
    };
  });
  return { type: "memory", name, principals: settings, domains: domains.map(canonicalDomain) };
}

function addresses(path: KeyPath, texts: readonly string[], report: ProblemReport): readonly string[] {
  return texts.map((text, index) => {
    const domain = domainOf(parseAddress(text)) ?? "";
    if (!isAddress(text) || !isMailDomain(domain)) {
      report.error([...path, index], `"${text}" is not an address. Write it as "john@example.org", a catch-all as "@example.org".`);
    }
    return parseAddress(text.replace(/^\*@/, "@"));
  });
}

function file(name: string, path: KeyPath, directory: Of<"file">, context: CompileContext): DirectorySettings {
  const { virtual, aliases, mailboxes, addresses, domains, "aliases-domain": aliasesDomain } = directory;
  const { report } = context;
  const parse = tableParsers(aliasesDomain);
  const tables = tableKinds.flatMap((kind) => directory[kind].map((table, index) => ({ kind, table, at: [...path, kind, index] })));
  const empty = new Set<string>();
  const local = new LocalDomains([...domains, ...(aliasesDomain === undefined ? [] : [aliasesDomain])].map(canonicalDomain));
  for (const { kind, table, at } of tables) {
    const parseTable = (text: string, problem: LineProblem) => {
      const entries = parse[kind](text, problem);
      if (entries.length === 0) empty.add(table);
      for (const entry of entries) local.add(entry, at);
    };
    checkLines(at, table, parseTable, context);
  }
  for (const { domain, address, at } of local.doubtful()) {
    report.warning(
      at,
      `${address} makes ${domain} a local domain, where any other address is refused, although other domains have lines of their own. If it is local, add the line "${domain} anything"; if not, move ${address} to a file that only the MTA reads.`,
    );
  }
  const [first] = tables;
  if (first === undefined) {
    report.error(path, 'names no file. Add virtual, aliases, mailboxes or addresses, such as addresses = ["/etc/postern/addresses"].');
  } else if (tables.every(({ table, at }) => empty.has(table) && !report.hasErrorAt(at))) {
    const files = tables.length === 1 ? `${first.table} has` : "its files have";
    report.warning(first.at, `${files} no entries, so the directory knows no address. Write the addresses there.`);
  }
  if (aliases.length > 0 && aliasesDomain === undefined) {
    report.error([...path, "aliases"], 'names without a domain need one. Add aliases-domain = "example.org".');
  }
  const domain = aliasesDomain === undefined ? undefined : canonicalDomain(aliasesDomain);
  return { type: "file", name, virtual, aliases, aliasesDomain: domain, mailboxes, addresses, domains: domains.map(canonicalDomain) };
}
