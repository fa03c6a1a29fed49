/** A directory kept in a SQL database of any layout, asked by the seven statements of its store. */

import { TemporaryError, UnusableAnswer } from "../answer/temporary-error.ts";
import type { SqlResult } from "../expr/ask.ts";
import { formatAddress, localPartOf, parseAddress } from "../mail/address.ts";
import { parseAddressList } from "../mail/address-list.ts";
import type { Account, Directory, Recipient } from "../stage/sources.ts";
import type { Database } from "../store/database.ts";
import type { Queries } from "../store/store-settings.ts";
import { cleanText } from "../text/controls.ts";
import { minVerifyLength } from "./address-table.ts";

/** Accounts that one address may belong to; what belongs to more ought to be a list. */
const maxAccounts = 100;

export function openSqlDirectory(name: string, database: Database, queries: Queries): Directory {
  /** The first column; an empty statement is never asked. */
  async function ask(query: keyof Queries, parameter: string): Promise<readonly string[]> {
    if (queries[query] === "") return [];
    return firstColumn(await database.query(queries[query], [parameter]), `${name}: query.${query}`);
  }

  /** Tables may have the quotes of a local part that needs them, or not. */
  async function askAbout(query: keyof Queries, address: string): Promise<readonly string[]> {
    const found = await ask(query, address);
    const quoted = formatAddress(address);
    return found.length > 0 || quoted === undefined || quoted === address ? found : ask(query, quoted);
  }

  /** None: the account has nothing but catch-alls. */
  async function primariesOf(account: string): Promise<readonly string[]> {
    const first = (await ask("emails", account)).find((address) => !address.startsWith("@"));
    return first === undefined ? [] : addressesIn([first]);
  }

  async function recipient(address: string): Promise<Recipient | undefined> {
    const accounts = new Set(await askAbout("recipients", address));
    if (accounts.size === 0) return throughDomain(address);
    // The row of a whole domain, which has no catch-all.
    if (address.startsWith("@") && [...accounts].some(isAtDomain)) return undefined;
    return ofAccounts(accounts, address, address);
  }

  /** `@old.example` that leads to `@new.example`, as in virtual(5): every address exists, under the same local part there. */
  async function throughDomain(address: string): Promise<Recipient | undefined> {
    const at = address.lastIndexOf("@");
    if (at <= 0) return undefined;
    const accounts = new Set(await ask("recipients", address.slice(at)));
    if (![...accounts].some(isAtDomain)) return undefined;
    return { ...(await ofAccounts(accounts, address, address.slice(at))), byDomain: true };
  }

  /** `key`: what the tables have, for the address or its whole domain. */
  async function ofAccounts(accounts: ReadonlySet<string>, address: string, key: string): Promise<Recipient> {
    const at = (target: string) => (isAtDomain(target) ? localPartOf(address) + target : target);
    if ([...accounts].every(isWholeDomain)) return { kind: "mailbox", primaries: [...accounts].map(parseAddress).map(at) };
    // Most addresses are those of one account, and none of a list; only then is its primary address asked for unasked.
    const [first = ""] = accounts;
    const single = accounts.size === 1 ? primariesOf(first) : undefined;
    const [members, primaries] = await Promise.all([askAbout("members", key), single]);
    if (members.length > 0) return { kind: "list", members: addressesIn(members).map(at) };
    if (accounts.size > maxAccounts)
      throw new UnusableAnswer(`directory "${name}": ${address} belongs to more than ${maxAccounts} accounts`);
    const primariesAt = (account: string) => (isWholeDomain(account) ? [at(parseAddress(account))] : primariesOf(account));
    const each = primaries ? [primaries] : await Promise.all([...accounts].map(primariesAt));
    return { kind: "mailbox", primaries: [...new Set(each.flatMap((found) => (found.length === 0 ? [address] : found)))] };
  }

  async function account(login: string): Promise<Account | undefined> {
    const [owners, emails] = await Promise.all([ownersOf(login), ask("emails", login)]);
    const senders = await Promise.all([...new Set([login, ...owners])].map(async (each) => addressesIn(await ask("senders", each))));
    // Where accounts are named by their addresses, a statement may return whatever it is asked about.
    const addresses = addressesIn(emails.filter((email) => email.includes("@") && email !== login));
    return addresses.length + senders.flat().length === 0 ? undefined : { addresses, senders: senders.flat() };
  }

  /** The names of the accounts that have an address; none, where it is that of a list. */
  async function ownersOf(address: string): Promise<readonly string[]> {
    if (queries.senders === "" || address.lastIndexOf("@") <= 0) return [];
    const [accounts, members] = await Promise.all([askAbout("recipients", address), askAbout("members", address)]);
    return members.length > 0 ? [] : accounts.slice(0, maxAccounts);
  }

  return {
    name,
    waits: true,
    source: database.source,
    async isLocalDomain(domain) {
      if (queries.domains === "") return false;
      const result = await database.query(queries.domains, [domain]);
      return rowsOf(result, `${name}: query.domains`).length > 0;
    },
    recipient,
    account,
    async verify(text) {
      return text.length < minVerifyLength ? [] : addressesIn(await ask("verify", text));
    },
    async expand(address) {
      const members = await askAbout("expand", address);
      return members.length === 0 ? undefined : addressesIn(members);
    },
  };
}

/** A target, or several of which the first is one, at the local part that was asked about. */
function isAtDomain(targets: string): boolean {
  return targets.startsWith("@");
}

/** A row of the form `@domain`, which is no account. */
function isWholeDomain(account: string): boolean {
  return /^@[^\s@,]+$/.test(account);
}

/** Each row is an address, whose local part may be without the quotes that it needs, or a list of addresses. */
function addressesIn(rows: readonly string[]): readonly string[] {
  const addresses = rows.flatMap((row) => {
    if (/^[^@,;:<>()"]*@[^\s@,;<>()"]+$/.test(row)) return row;
    const list = parseAddressList(row);
    if (list === undefined) throw new UnusableAnswer(`a table has "${cleanText(row)}", which is not an address`);
    return list;
  });
  return [...new Set(addresses.map(parseAddress))];
}

function firstColumn(result: SqlResult, query: string): readonly string[] {
  return rowsOf(result, query).flatMap(([first]) => {
    const text = typeof first === "number" ? String(first) : first;
    return typeof text === "string" && text !== "" ? [text] : [];
  });
}

function rowsOf(result: SqlResult, query: string) {
  if (result.kind === "rows") return result.rows;
  throw new TemporaryError(`directory ${query} returns no rows: it must be a SELECT`);
}
