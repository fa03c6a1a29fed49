/** What expressions ask, answered from the open stores, directories and lookups. */

import { type Answer, after } from "../answer/answer.ts";
import { TemporaryError } from "../answer/temporary-error.ts";
import type { Dns } from "../dns/dns.ts";
import { type Ask, isDefault } from "../expr/ask.ts";
import { isReading } from "../expr/sql-text.ts";
import { domainOf, localPartOf, parseAddress } from "../mail/address.ts";
import { canonicalDomain } from "../mail/domain.ts";
import type { Directory, Lookup } from "../stage/sources.ts";
import type { DomainSettings } from "../stage/stage-settings.ts";
import type { Database } from "../store/database.ts";
import type { StoredKeys } from "../store/keys.ts";

interface Answerers {
  readonly domains: ReadonlyMap<string, DomainSettings>;
  readonly directories: readonly Directory[];
  /** By name; `''` and `'*'` are the default one. */
  readonly directory: (name: string) => Directory | undefined;
  readonly lookup: (name: string) => Lookup | undefined;
  /** Opened for writing; `''` is the data store. */
  readonly database: (name: string) => Database | undefined;
  /** In the data store, which is opened when they are first asked for. */
  readonly keys: () => StoredKeys;
  readonly dns: Dns;
}

export function answersFrom({ domains, directories, directory, lookup, database, keys, dns }: Answerers): Ask {
  /** The directories that a name means; without one, all. */
  const named = (name: string | undefined): readonly Directory[] => {
    if (name === undefined) return directories;
    const one = directory(name);
    return one === undefined ? [] : [one];
  };

  /** A Domain object is local wherever it may be asked: by no name, by the default one, and by that of its directory. */
  const isRegistered = (name: string | undefined, domain: string): boolean => {
    const own = domains.get(domain);
    return own !== undefined && (name === undefined || isDefault(name) || own.directory === name);
  };

  return {
    isLocalDomain(name, text) {
      const domain = canonicalDomain(text);
      return isRegistered(name, domain) || anyOf(named(name), (one) => one.everything || one.isLocalDomain(domain));
    },
    isLocalAddress(name, text) {
      const given = parseAddress(text);
      const own = domains.get(domainOf(given) ?? "");
      const address = own === undefined ? given : `${localPartOf(given)}@${own.name}`;
      // Without a local part it would be the key of a catch-all.
      if (localPartOf(address) === "") return false;
      return anyOf(named(name), (one) => {
        if (one.everything) return true;
        return after(one.recipient(address), (recipient) => recipient !== undefined);
      });
    },
    keyGet: (store, key) => (isDefault(store) ? keys().keyGet(key) : lookup(store)?.get(key)),
    keySet: (_store, key, value, seconds) => keys().keySet(key, value, seconds),
    counterGet: (_store, key) => keys().counterGet(key),
    counterIncr: (_store, key, by) => keys().counterIncr(key, by),
    sqlQuery(store, sql, parameters) {
      const opened = database(store);
      if (opened === undefined) throw new TemporaryError(`there is no SQL store "${store}"`);
      return opened.query(sql, parameters);
    },
    dnsQuery: (name, type) => dns.query(name, type),
  };
}

function anyOf(directories: readonly Directory[], ask: (directory: Directory) => Answer<boolean>): Answer<boolean> {
  for (const [index, directory] of directories.entries()) {
    const answer = ask(directory);
    if (answer instanceof Promise) return answer.then((yes) => yes || anyOf(directories.slice(index + 1), ask));
    if (answer) return true;
  }
  return false;
}

/** The same answers, but what would write is only computed: for commands that change no state, whose stores are open for reading. */
export function withoutWriting(ask: Ask): Ask {
  return {
    ...ask,
    keySet: () => undefined,
    async counterIncr(store, key, by) {
      return (await ask.counterGet(store, key)) + by;
    },
    async sqlQuery(store, sql, parameters) {
      if (isReading(sql)) return ask.sqlQuery(store, sql, parameters);
      return { kind: "changes", changes: 0 };
    },
  };
}
