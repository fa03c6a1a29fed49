/** A directory in LDAP servers (RFC 4511): OpenLDAP, Active Directory and others of any schema, asked by the filters that the configuration gives. */
import type { OnAvailability } from "../answer/availability.ts";
import { UnusableAnswer } from "../answer/temporary-error.ts";
import { formatAddress } from "../mail/address.ts";
import type { Account, Directory, Recipient } from "../stage/sources.ts";
import { cleanText } from "../text/controls.ts";
import { maxExpanded, maxVerified, minVerifyLength } from "./address-table.ts";
import type { Search } from "./ldap/connection.ts";
import { emailsOf, type LdapEntry } from "./ldap/entry.ts";
import { comparisonsOf, escapeValue, fillDomain, fillFilter, soughtBy, uses } from "./ldap/filter.ts";
import type { LdapSettings } from "./ldap/ldap-settings.ts";
import { membersIn } from "./ldap/list-members.ts";
import { LdapServers } from "./ldap/servers.ts";
import { hasSame, hasSimilar, type Sought } from "./ldap/sought.ts";
import { findNamed } from "./named.ts";
import type { OpenDirectory } from "./open-directory.ts";

/** Entries that may have one address; what belongs to more ought to be a list. */
const maxEntries = 100;
/** Entries that VRFY chooses from. */
const maxMatching = 50;

type Kind = "recipients" | "lists";

interface LdapDirectory {
  readonly directory: Directory;
  readonly connections: NonNullable<OpenDirectory["connections"]>;
  close(): void;
}

export function openLdapDirectory(settings: LdapSettings, now: () => number, onAvailability: OnAvailability): LdapDirectory {
  const { name, base, filters, attributes } = settings;
  const servers = new LdapServers(settings, now, onAvailability);
  const localDomains = new Set(settings.domains);
  const compared = {
    recipients: comparisonsOf(filters.recipients),
    lists: filters.lists === undefined ? [] : comparisonsOf(filters.lists),
  };

  const membersOf = membersIn({ name, attributes, servers, entriesNamed, primaryOf });

  const under = (what: string, filter: string, wanted: readonly string[], sizeLimit: number): Search => ({
    ...{ what, base, scope: "sub", filter, attributes: wanted, sizeLimit },
  });

  /** `written`: the address, perhaps in quotes. */
  async function find(kind: Kind, address: string, endsAt: number, written = address): Promise<readonly LdapEntry[]> {
    const template = filters[kind];
    // The local part of a catch-all is empty, and a filter by local parts has nothing to say of it.
    if (template === undefined || (address.startsWith("@") && !uses(template, "address"))) return [];
    const wanted = kind === "lists" ? [...attributes.emails, attributes.members] : attributes.emails;
    const sought = isPlain(address)
      ? []
      : [...attributes.emails.map((attribute) => ({ attribute, text: address })), ...soughtBy(compared[kind], written)];
    const filter = fillFilter(template, written);
    const all = [...new Set([...wanted, ...sought.map(({ attribute }) => attribute)])];
    const found = await servers.search(under(`filter.${kind}`, filter, all, maxEntries + 1), endsAt);
    if (found.length > maxEntries) throw cannotTell(`${address} belongs to more than ${maxEntries} entries`);
    return isPlain(address) ? found : havingSame(found, sought, address);
  }

  /** Those of the entries that a server has found by a text which really have it. */
  function havingSame(found: readonly LdapEntry[], sought: readonly Sought[], text: string): readonly LdapEntry[] {
    const same = found.filter((entry) => hasSame(entry, sought));
    const unclear = found.find((entry) => !hasSimilar(entry, sought));
    if (same.length > 0 || unclear === undefined) return same;
    const names = [...new Set(sought.map(({ attribute }) => attribute))].join(", ");
    throw cannotTell(
      `${cleanText(unclear.dn)} is found by ${cleanText(text)}, which is not in what may be read of ${names}. ` +
        `Let bind-dn read the attribute that has it, and name it in directory.${name}.attributes`,
    );
  }

  /** Entries may have the quotes of a local part that needs them, or not. */
  async function findEither(kind: Kind, address: string, endsAt: number): Promise<readonly LdapEntry[]> {
    const found = await find(kind, address, endsAt);
    const quoted = formatAddress(address);
    return found.length > 0 || quoted === undefined || quoted === address ? found : find(kind, address, endsAt, quoted);
  }

  function primaryOf(entry: LdapEntry): string | undefined {
    return emailsOf(entry, attributes.emails).find((address) => !address.startsWith("@"));
  }

  async function recipient(address: string): Promise<Recipient | undefined> {
    if (!address.includes("@")) return undefined;
    const endsAt = servers.deadline();
    const [lists, accounts] = await Promise.all([findEither("lists", address, endsAt), findEither("recipients", address, endsAt)]);
    const members = await membersOf(lists, endsAt);
    if (members.length > 0) return { kind: "list", members };
    // A list whose members nobody may read is delivered to as it is.
    const entries = [...accounts, ...lists];
    if (entries.length === 0) return undefined;
    return { kind: "mailbox", primaries: [...new Set(entries.map((entry) => primaryOf(entry) ?? address))] };
  }

  async function account(login: string): Promise<Account | undefined> {
    const endsAt = servers.deadline();
    const named = await findNamed(login, (text) => entriesNamed(text, "account", attributes.emails, endsAt));
    if (named.length > 1) throw cannotTell(`several entries have the name ${cleanText(login)}`);
    return named[0] && { addresses: emailsOf(named[0], attributes.emails), senders: [] };
  }

  async function entriesNamed(text: string, what: string, wanted: readonly string[], endsAt: number): Promise<readonly LdapEntry[]> {
    const filter = `(${attributes.name}=${escapeValue(text)})`;
    const found = await servers.search(under(what, filter, [attributes.name, ...wanted], maxEntries), endsAt);
    return havingSame(found, [{ attribute: attributes.name, text }], text);
  }

  function cannotTell(what: string): UnusableAnswer {
    return new UnusableAnswer(`directory "${name}": ${what}`);
  }

  async function verify(word: string): Promise<readonly string[]> {
    if (word.length < minVerifyLength) return [];
    const value = escapeValue(word);
    const filter = `(|${attributes.emails.map((attribute) => `(${attribute}=*${value}*)`).join("")})`;
    const entries = await servers.search(under("VRFY", filter, attributes.emails, maxMatching), servers.deadline());
    const candidates = new Set(entries.flatMap((entry) => primaryOf(entry) ?? []).filter((address) => address.includes(word)));
    const verified: string[] = [];
    // Whom the filter of recipients leaves out is not shown either.
    for (const address of [...candidates].sort()) {
      if (verified.length < maxVerified && (await recipient(address))?.kind === "mailbox") verified.push(address);
    }
    return verified;
  }

  const filled = [
    fillFilter(filters.recipients, "postern@invalid"),
    filters.lists && fillFilter(filters.lists, "postern@invalid"),
    filters.domains && fillDomain(filters.domains, "invalid"),
  ];
  const probes = filled.flatMap((filter) => (filter === undefined ? [] : under("check", filter, ["1.1"], 1)));
  return {
    directory: {
      name,
      waits: true,
      source: servers.source,
      async isLocalDomain(domain) {
        if (localDomains.has(domain)) return true;
        if (filters.domains === undefined) return false;
        const search = under("filter.domains", fillDomain(filters.domains, domain), ["1.1"], 1);
        return (await servers.search(search, servers.deadline())).length > 0;
      },
      recipient,
      account,
      verify,
      async expand(address) {
        const endsAt = servers.deadline();
        const members = await membersOf(await findEither("lists", address, endsAt), endsAt);
        return members.length === 0 ? undefined : members.slice(0, maxExpanded);
      },
    },
    connections: servers.connections(probes),
    close: () => servers.close(),
  };
}

/** Of which every server has the same idea. */
function isPlain(address: string): boolean {
  return /^[!-~]*$/.test(address);
}
