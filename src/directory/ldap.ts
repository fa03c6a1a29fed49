/** A directory in LDAP servers (RFC 4511): OpenLDAP, Active Directory and others of any schema, asked by the filters that the configuration gives. */
import type { OnAvailability } from "../answer/availability.ts";
import { UnusableAnswer } from "../answer/temporary-error.ts";
import { formatAddress } from "../mail/address.ts";
import type { Account, Directory, Recipient } from "../stage/sources.ts";
import { cleanText } from "../text/controls.ts";

import { maxExpanded, maxVerified, minVerifyLength } from "./address-table.ts";
import type { Search } from "./ldap/connection.ts";
import { addressIn, emailsOf, isDn, type LdapEntry, rangeOf } from "./ldap/entry.ts";
import { comparisonsOf, escapeValue, fillDomain, fillFilter, soughtBy, uses } from "./ldap/filter.ts";
import type { LdapSettings } from "./ldap/ldap-settings.ts";
import { LdapServers } from "./ldap/servers.ts";
import { hasSame, hasSimilar, type Sought } from "./ldap/sought.ts";
import { findNamed } from "./named.ts";
import type { OpenDirectory } from "./open-directory.ts";

/** Entries that may have one address; what belongs to more ought to be a list. */
const maxEntries = 100;
/** Members of a list with those of the lists in it, so that nobody can fill the memory. */
const maxMembers = 100_000;
/** Members that are read at once; others have their turn meanwhile. */
const membersAtOnce = 25;
/** Entries that VRFY chooses from. */
const maxMatching = 50;

type Kind = "recipients" | "lists";

interface Member {
  /** An address, a DN or a name. */
  readonly value: string;
  readonly list: LdapEntry;
}

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

  /** A list in a list stands for its own members. Who has no address, or is not there any more, gets no mail. */
  async function membersOf(lists: readonly LdapEntry[], endsAt: number): Promise<readonly string[]> {
    const addresses = new Set<string>();
    const seen = new Set(lists.map(({ dn }) => dn.toLowerCase()));
    const waiting: Member[] = [];
    const take = async (list: LdapEntry) => {
      for (const value of await memberValues(list, endsAt)) {
        const key = value.toLowerCase();
        if (value === "" || seen.has(key)) continue;
        seen.add(key);
        const member = { value, list };
        if (isDn(value) || !value.includes("@")) waiting.push(member);
        else addresses.add(addressOf(member));
      }
      if (seen.size > maxMembers) throw tooMany(list);
    };
    for (const list of lists) await take(list);
    for (let done = 0; done < waiting.length; ) {
      const next = waiting.slice(done, done + membersAtOnce);
      done += next.length;
      const entries = await Promise.all(next.map((member) => entriesOf(member, endsAt)));
      for (const entry of entries.flat()) {
        const primary = primaryOf(entry);
        if (rangeOf(entry, attributes.members).values.length > 0) await take(entry);
        else if (primary !== undefined) addresses.add(primary);
      }
    }
    return [...addresses];
  }

  async function memberValues(list: LdapEntry, endsAt: number): Promise<readonly string[]> {
    let { values, next } = rangeOf(list, attributes.members);
    while (next !== undefined) {
      if (values.length > maxMembers) throw tooMany(list);
      const [rest] = await read(list.dn, [`${attributes.members};range=${next}-*`], endsAt);
      if (rest === undefined) throw cannotTell(`${cleanText(list.dn)} is not there any more`);
      const more = rangeOf(rest, attributes.members);
      if (more.values.length === 0) throw cannotTell(`${cleanText(list.dn)} has more members than are given`);
      values = values.concat(more.values);
      next = more.next;
    }
    return values;
  }

  function tooMany({ dn }: LdapEntry): UnusableAnswer {
    return cannotTell(`${cleanText(dn)} has more than ${maxMembers} members`);
  }

  function addressOf(member: Member): string {
    const address = addressIn(member.value);
    if (address === undefined) throw noMember(member, "is not an address. Correct it there");
    return address;
  }

  /** By its DN, or by its name as that of a login. None: it is not there any more. */
  async function entriesOf(member: Member, endsAt: number): Promise<readonly LdapEntry[]> {
    const wanted = [...attributes.emails, attributes.members];
    if (isDn(member.value)) {
      try {
        return await read(member.value, wanted, endsAt);
      } catch (cause) {
        throw cause instanceof UnusableAnswer
          ? noMember(member, "is neither an address nor the name (DN) of an entry. Correct it there", cause)
          : cause;
      }
    }
    const named = await entriesNamed(member.value, "members", wanted, endsAt);
    if (named.length === 1) return named;
    // No entry: it may be the name of anything, such as of another list. Unlike a DN, it is not known to be nobody's.
    const number = named.length === 0 ? "no entry has" : "several entries have";
    throw noMember(
      member,
      `${number} as ${attributes.name}. Write an address or a DN there, remove it, or name the attribute that has it in directory.${name}.attributes.name`,
    );
  }

  function noMember({ value, list }: Member, why: string, cause?: unknown): UnusableAnswer {
    return cannotTell(`${cleanText(list.dn)} has the member "${cleanText(value)}", which ${why}`, cause);
  }

  function cannotTell(what: string, cause?: unknown): UnusableAnswer {
    return new UnusableAnswer(`directory "${name}": ${what}`, cause === undefined ? undefined : { cause });
  }

  function read(dn: string, wanted: readonly string[], endsAt: number): Promise<readonly LdapEntry[]> {
    const search: Search = { what: "members", base: dn, scope: "base", filter: "(objectClass=*)", attributes: wanted, sizeLimit: 1 };
    return servers.search({ ...search, mayBeMissing: true }, endsAt);
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
