/** Whom mail for lists in LDAP goes to: their members, which may be addresses, the names of entries, or lists in turn. */
import { UnusableAnswer } from "../../answer/temporary-error.ts";
import { cleanText } from "../../text/controls.ts";
import type { Search } from "./connection.ts";
import { addressIn, isDn, type LdapEntry, rangeOf } from "./entry.ts";
import type { LdapSettings } from "./ldap-settings.ts";
import type { LdapServers } from "./servers.ts";

/** Members of a list with those of the lists in it, so that nobody can fill the memory. */
const maxMembers = 100_000;
/** Members that are read at once; others have their turn meanwhile. */
const membersAtOnce = 25;

interface Member {
  /** An address, a DN or a name. */
  readonly value: string;
  readonly list: LdapEntry;
}

interface MemberSources extends Pick<LdapSettings, "name" | "attributes"> {
  readonly servers: Pick<LdapServers, "search">;
  /** Those that have the text as their name; `what` it is for. */
  readonly entriesNamed: (text: string, what: string, wanted: readonly string[], endsAt: number) => Promise<readonly LdapEntry[]>;
  /** Its first address. */
  readonly primaryOf: (entry: LdapEntry) => string | undefined;
}

/** What yields the addresses of all members; `endsAt` is the deadline. */
export function membersIn({ name, attributes, servers, entriesNamed, primaryOf }: MemberSources) {
  /** A list in a list stands for its own members. Who has no address, or is not there any more, gets no mail. */
  return async function membersOf(lists: readonly LdapEntry[], endsAt: number): Promise<readonly string[]> {
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
  };

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
}
