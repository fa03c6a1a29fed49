/** A directory kept in a SQL database of any layout, asked by the six statements of its store. */

import { TemporaryError } from "../answer/temporary-error.ts";
import type { SqlResult } from "../expr/ask.ts";
import { formatAddress, parseAddress } from "../mail/address.ts";
import type { Directory, Recipient } from "../stage/sources.ts";
import type { Database } from "../store/database.ts";
import type { Queries } from "../store/store-settings.ts";
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

  async function primaryOf(account: string): Promise<string | undefined> {
    const addresses = await ask("emails", account);
    const primary = addresses.find((address) => !address.startsWith("@"));
    return primary === undefined ? undefined : parseAddress(primary);
  }

  async function recipient(address: string): Promise<Recipient | undefined> {
    const accounts = new Set(await askAbout("recipients", address));
    const [first] = accounts;
    if (first === undefined) return undefined;
    // Most addresses are those of one account, and none of a list; only then is its primary address asked for unasked.
    const single = accounts.size === 1 ? primaryOf(first) : undefined;
    const [members, primary] = await Promise.all([askAbout("members", address), single]);
    if (members.length > 0) return { kind: "list", members: addressesIn(members) };
    if (accounts.size > maxAccounts)
      throw new TemporaryError(`directory "${name}": ${address} belongs to more than ${maxAccounts} accounts`);
    const primaries = single ? [primary] : await Promise.all([...accounts].map(primaryOf));
    return { kind: "mailbox", primaries: [...new Set(primaries.map((each) => each ?? address))] };
  }

  return {
    name,
    waits: true,
    async isLocalDomain(domain) {
      if (queries.domains === "") return false;
      const result = await database.query(queries.domains, [domain]);
      return rowsOf(result, `${name}: query.domains`).length > 0;
    },
    recipient,
    async verify(text) {
      return text.length < minVerifyLength ? [] : addressesIn(await ask("verify", text));
    },
    async expand(address) {
      const members = await askAbout("expand", address);
      return members.length === 0 ? undefined : addressesIn(members);
    },
  };
}

function addressesIn(texts: readonly string[]): readonly string[] {
  return [...new Set(texts.map(parseAddress))];
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
