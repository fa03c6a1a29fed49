/** A directory kept in a SQL database of any layout, asked by the seven statements of its store. */

import { TemporaryError, UnusableAnswer } from "../answer/temporary-error.ts";
import { toText, type Value } from "../expr/value.ts";
import { canonicalLogin, formatAddress, localPartOf, parseAddress } from "../mail/address.ts";
import { parseAddressList } from "../mail/address-list.ts";
import type { Account, Directory, Recipient } from "../stage/sources.ts";
import type { Database } from "../store/database.ts";
import type { Queries } from "../store/store-settings.ts";
import { cleanText } from "../text/controls.ts";
import { maxExpanded, maxVerified, minVerifyLength } from "./address-table.ts";
import { findNamed } from "./named.ts";

/** Accounts that one address may belong to; what belongs to more ought to be a list. */
const maxAccounts = 100;
/** Rows of addresses that one account may have, and of accounts that an address may: a JOIN may name each several times. */
const maxAddresses = 10_000;

/** A list with more than `maxMembers` is answered by more of them, or cannot be told. */
export function openSqlDirectory(name: string, database: Database, queries: Queries, maxMembers: number): Directory {
  /** Some may say the same. */
  const maxMemberRows = 2 * maxMembers;
  /** Rows that can be used. Where all are needed, it is one more than there may be. */
  const maxRows: Readonly<Record<keyof Queries, number>> = {
    recipients: maxAddresses + 1,
    emails: maxAddresses + 1,
    senders: maxAddresses + 1,
    members: maxMemberRows + 1,
    expand: maxExpanded,
    verify: maxVerified,
    domains: 1,
  };

  /** An empty statement is never asked. */
  async function rowsOf(query: keyof Queries, parameter: string): Promise<readonly (readonly Value[])[]> {
    if (queries[query] === "") return [];
    const result = await database.query(queries[query], [parameter], maxRows[query], true);
    if (result.kind === "rows") return result.rows;
    throw new TemporaryError(`directory ${name}: query.${query} returns no rows: it must be a SELECT`);
  }

  /** What the first column of each row says, without the blanks with which a CHAR is filled; `""`: nothing. */
  async function ask(query: keyof Queries, parameter: string): Promise<readonly string[]> {
    return (await rowsOf(query, parameter)).map(([first = ""]) => toText(first).trim());
  }

  /** Tables may have the quotes of a local part that needs them, or not. */
  async function askAbout(query: keyof Queries, address: string): Promise<readonly string[]> {
    const found = await ask(query, address);
    const quoted = formatAddress(address);
    if (found.some(saysSomething) || quoted === undefined || quoted === address) return found;
    const foundQuoted = await ask(query, quoted);
    return foundQuoted.length > 0 ? foundQuoted : found;
  }

  function cannotTell(what: string): UnusableAnswer {
    return new UnusableAnswer(`directory "${name}": ${what}`);
  }

  /** Each row is an account. One that names none, such as by a LEFT JOIN, says neither that the address exists nor that it does not. */
  async function accountsOf(address: string): Promise<readonly string[]> {
    const accounts = await askAbout("recipients", address);
    if (accounts.length === 0 || accounts.some(saysSomething)) return accounts;
    throw cannotTell(`query.recipients yields NULL or an empty text for ${address}. It must yield an account, or no row`);
  }

  async function membersOf(address: string): Promise<readonly string[]> {
    const rows = await askAbout("members", address);
    const members = addressesIn(rows);
    if (rows.length > maxMemberRows && members.length <= maxMembers)
      throw cannotTell(`query.members yields more than ${maxMemberRows} rows for ${address}`);
    return members;
  }

  /** All that a query has for an account. */
  async function addressesOf(query: "emails" | "senders", account: string): Promise<readonly string[]> {
    const rows = await ask(query, account);
    if (rows.length > maxAddresses) throw cannotTell(`query.${query} yields more than ${maxAddresses} rows for ${account}`);
    return rows;
  }

  /** None: the account has nothing but catch-alls. */
  async function primariesOf(account: string): Promise<readonly string[]> {
    for (const row of await ask("emails", account)) {
      const addresses = addressesIn([row]);
      if (addresses[0] !== undefined && !addresses[0].startsWith("@")) return addresses;
    }
    return [];
  }

  async function recipient(address: string): Promise<Recipient | undefined> {
    const accounts = await accountsOf(address);
    if (accounts.length === 0) return throughDomain(address);
    // The row of a whole domain, which has no catch-all.
    if (address.startsWith("@") && accounts.some(isAtDomain)) return undefined;
    return ofAccounts(accounts, address, address);
  }

  /** `@old.example` that leads to `@new.example`, as in virtual(5): every address exists, under the same local part there. */
  async function throughDomain(address: string): Promise<Recipient | undefined> {
    const at = address.lastIndexOf("@");
    if (at <= 0) return undefined;
    const accounts = await accountsOf(address.slice(at));
    if (!accounts.some(isAtDomain)) return undefined;
    return { ...(await ofAccounts(accounts, address, address.slice(at))), byDomain: true };
  }

  /** `key`: what the tables have, for the address or its whole domain. */
  async function ofAccounts(rows: readonly string[], address: string, key: string): Promise<Recipient> {
    const at = (target: string) => (target.startsWith("@") ? localPartOf(address) + target : target);
    const accounts = [...new Set(rows.filter(saysSomething))];
    const isWhole = rows.length <= maxAddresses && accounts.length <= maxAccounts;
    const targets = accounts.map(targetsOf);
    if (isWhole && targets.every(({ length }) => length === 1)) return { kind: "mailbox", primaries: [...new Set(targets.flat().map(at))] };
    const primariesAt = async (account: string) => {
      const own = targetsOf(account);
      return own.length > 0 ? own.map(at) : primariesOf(account);
    };
    // Most addresses are those of one account, and none of a list; only then is its primary address asked for unasked.
    const [first = ""] = accounts;
    const single = accounts.length === 1 ? primariesAt(first) : undefined;
    const [members, primaries] = await Promise.all([membersOf(key), single]);
    if (members.length > 0) return { kind: "list", members: members.map(at) };
    if (!isWhole) throw cannotTell(`${address} belongs to more than ${maxAccounts} accounts`);
    const each = primaries ? [primaries] : await Promise.all(accounts.map(primariesAt));
    return { kind: "mailbox", primaries: [...new Set(each.flatMap((found) => (found.length === 0 ? [address] : found)))] };
  }

  async function account(login: string): Promise<Account | undefined> {
    const folded = canonicalLogin(login);
    // Where accounts are named by their addresses, a statement may return whatever it is asked about.
    const isOther = (email: string) => email.includes("@") && email !== login && email !== folded;
    const [owners, emails] = await Promise.all([ownersOf(folded), rowsOfName("emails", login, isOther)]);
    const senders = await Promise.all([
      rowsOfName("senders", login, saysSomething),
      ...owners.filter((owner) => owner !== login).map((owner) => addressesOf("senders", owner)),
    ]);
    const [addresses, further] = [addressesIn(emails), [...new Set(senders.flatMap(addressesIn))]];
    return addresses.length + further.length === 0 ? undefined : { addresses, senders: further };
  }

  function rowsOfName(query: "emails" | "senders", login: string, isUseful: (row: string) => boolean): Promise<readonly string[]> {
    return findNamed(login, async (name) => (await addressesOf(query, name)).filter(isUseful));
  }

  /** The names of the accounts that have an address; none, where it is that of a list. */
  async function ownersOf(address: string): Promise<readonly string[]> {
    if (queries.senders === "" || address.lastIndexOf("@") <= 0) return [];
    const [accounts, members] = await Promise.all([accountsOf(address), membersOf(address)]);
    return members.length > 0 ? [] : accounts.filter(saysSomething).slice(0, maxAccounts);
  }

  return {
    name,
    waits: true,
    source: database.source,
    async isLocalDomain(domain) {
      return (await rowsOf("domains", domain)).length > 0;
    },
    recipient,
    account,
    async verify(text) {
      return text.length < minVerifyLength ? [] : addressesIn(await ask("verify", text));
    },
    async expand(address) {
      const members = addressesIn(await askAbout("expand", address));
      return members.length === 0 ? undefined : members;
    },
  };
}

function saysSomething(text: string): boolean {
  return text !== "";
}

/** The targets of a row of `recipients` that is not an account but, as in virtual(5), `@domain` or a list that begins with one. */
function targetsOf(row: string): readonly string[] {
  const targets = row.includes("@") ? (parseAddressList(row) ?? []) : [];
  return targets[0]?.startsWith("@") ? targets.map(parseAddress) : [];
}

function isAtDomain(row: string): boolean {
  return targetsOf(row).length > 0;
}

/** As the text of the whole: no list of addresses begins and ends so. */
const arrayOrJson = /^(?:\{.*\}|\[.*\]|"[^"\\]*@[^"\\]*")$/s;

/** Each row is an address, whose local part may be without the quotes that it needs, or a list of addresses, or nothing. */
function addressesIn(rows: readonly string[]): readonly string[] {
  const addresses = rows.flatMap((row) => {
    if (/^[^@,;:<>()"]*@[^\s@,;<>()"}]+$/.test(row)) return row;
    if (arrayOrJson.test(row))
      throw new UnusableAnswer(`a table has ${cleanText(row)}, an array or JSON: select each address as text, such as by unnest()`);
    const list = parseAddressList(row);
    if (list === undefined) throw new UnusableAnswer(`a table has "${cleanText(row)}", which is not an address`);
    return list;
  });
  return [...new Set(addresses.map(parseAddress))];
}
