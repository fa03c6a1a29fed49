/** A directory of principals written in the configuration. */
import { canonicalAddress, canonicalLogin } from "../mail/address.ts";
import { canonicalDomain } from "../mail/domain.ts";
import type { Account, Directory } from "../stage/sources.ts";
import { AddressTable } from "./address-table.ts";
import type { Principal } from "./directory-settings.ts";

export function openMemoryDirectory(name: string, principals: readonly Principal[], domains: readonly string[]): Directory {
  const table = tableOf(principals, domains);
  const accounts = accountsByName(principals);
  return {
    name,
    waits: false,
    isLocalDomain: (domain) => table.isLocalDomain(domain),
    recipient: (address) => table.recipient(address),
    account: (login) => accounts.get(canonicalLogin(login)),
    verify: (text) => table.verify(text),
    expand: (address) => table.expand(address),
  };
}

function tableOf(principals: readonly Principal[], domains: readonly string[]): AddressTable {
  const table = new AddressTable(domains.map(canonicalDomain));
  // Lists first, for an address that is a list's is nobody's mailbox.
  const lists = membersByList(principals);
  for (const address of lists.keys()) table.add(address, { kind: "list", members: membersOf(address, lists) });
  for (const [address, primaries] of primariesByAddress(principals)) table.add(address, { kind: "mailbox", primaries: [...primaries] });
  return table;
}

function accountsByName(principals: readonly Principal[]): ReadonlyMap<string, Account> {
  const accounts = principals.filter((principal) => principal.class !== "list");
  return new Map(accounts.map(({ name, email }) => [canonicalLogin(name), { addresses: email.map(canonicalAddress), senders: [] }]));
}

/** `undefined`: the principal has nothing but catch-alls. */
function primaryOf({ email }: Principal): string | undefined {
  const first = email.find((address) => !address.startsWith("@"));
  return first === undefined ? undefined : canonicalAddress(first);
}

/** A list that is a member of a list stands for its own members; one that holds itself, by whatever way, is left out there. */
function membersOf(list: string, lists: ReadonlyMap<string, ReadonlySet<string>>): readonly string[] {
  const members = new Set<string>();
  const seen = new Set([list]);
  const waiting = [...(lists.get(list) ?? [])];
  // It grows meanwhile.
  for (const member of waiting) {
    const inner = lists.get(member);
    if (inner === undefined) members.add(member);
    else if (!seen.has(member)) for (const each of inner) waiting.push(each);
    seen.add(member);
  }
  return [...members];
}

function membersByList(principals: readonly Principal[]): ReadonlyMap<string, ReadonlySet<string>> {
  const addressesOf = new Map<string, readonly string[]>();
  const members = new Map<string, Set<string>>();
  const listOf = (address: string): Set<string> => getOrAdd(members, canonicalAddress(address));
  for (const principal of principals) {
    if (principal.class !== "list") continue;
    addressesOf.set(principal.name, principal.email);
    for (const address of principal.email) listOf(address);
  }
  for (const principal of principals) {
    const primary = primaryOf(principal);
    for (const address of [...principal.emailList, ...principal.memberOf.flatMap((list) => addressesOf.get(list) ?? [])]) {
      const list = listOf(address);
      if (primary !== undefined) list.add(primary);
    }
  }
  return members;
}

function primariesByAddress(principals: readonly Principal[]): ReadonlyMap<string, ReadonlySet<string>> {
  const primaries = new Map<string, Set<string>>();
  for (const principal of principals) {
    if (principal.class === "list") continue;
    const primary = primaryOf(principal);
    for (const address of principal.email.map(canonicalAddress)) {
      getOrAdd(primaries, address).add(primary ?? address);
    }
  }
  return primaries;
}

function getOrAdd(sets: Map<string, Set<string>>, key: string): Set<string> {
  const known = sets.get(key);
  if (known) return known;
  const added = new Set<string>();
  sets.set(key, added);
  return added;
}
