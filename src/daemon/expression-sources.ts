/** What expressions ask, answered from the open stores, directories and lookups. */

import { type Answer, after } from "../answer/answer.ts";
import { type Patience, waitPatiently } from "../answer/patience.ts";
import { TemporaryError } from "../answer/temporary-error.ts";
import type { Dns } from "../dns/dns.ts";
import type { DnsList } from "../dns/dns-list.ts";
import { type Ask, type DnsListQuestion, type DnsType, isDefault, type OnMiss, type SqlResult } from "../expr/ask.ts";
import { isReading } from "../expr/sql-text.ts";
import type { Value } from "../expr/value.ts";
import type { DnsListResult } from "../frontend/http/observation.ts";
import { localPartOf, parseAddress } from "../mail/address.ts";
import { canonicalDomain } from "../mail/domain.ts";
import { inMainDomain } from "../stage/ask-directory.ts";
import type { Directory, Lookup } from "../stage/sources.ts";
import type { DomainSettings } from "../stage/stage-settings.ts";
import type { Database } from "../store/database.ts";
import type { StoredKeys } from "../store/keys.ts";

export interface Answerers {
  readonly domains: ReadonlyMap<string, DomainSettings>;
  readonly directories: readonly Directory[];
  /** By name; `''` and `'*'` are the default one. */
  readonly directory: (name: string) => Directory | undefined;
  readonly lookup: (name: string) => Lookup | undefined;
  /** Opened for writing; `''` is the data store. */
  readonly database: (name: string) => Database | undefined;
  /** In the data store, which is opened when they are first asked for. */
  readonly keys: () => StoredKeys;
  readonly dns: Pick<Dns, "source" | "query">;
  readonly dnsLists: ReadonlyMap<string, Pick<DnsList, "source" | "known" | "codes">>;
  /** A rule has asked a DNS list. Left out: nobody counts. */
  readonly onListed?: OnListed | undefined;
}

/** By the name of the list. */
export type OnListed = (list: string, result: DnsListResult) => void;

export class Answers implements Ask {
  readonly #from: Answerers;
  readonly #patience: Patience | undefined;

  /** `patience`: that of one request. `undefined`: whoever asks waits as long as it takes. */
  constructor(from: Answerers, patience?: Patience) {
    this.#from = from;
    this.#patience = patience;
  }

  isLocalDomain(name: string | undefined, text: string): Answer<boolean> {
    const domain = canonicalDomain(text);
    return (
      this.#isRegistered(name, domain) || anyOf(this.#named(name), (one) => one.everything || one.isLocalDomain(domain, this.#patience))
    );
  }

  isLocalAddress(name: string | undefined, text: string): Answer<boolean> {
    const address = inMainDomain(parseAddress(text), this.#from);
    // Without a local part it would be the key of a catch-all.
    if (localPartOf(address) === "") return false;
    return anyOf(this.#named(name), (one) => {
      if (one.everything) return true;
      return after(one.recipient(address, this.#patience), (recipient) => recipient !== undefined && recipient.kind !== "nobody");
    });
  }

  keyGet(store: string, key: string, onMiss?: OnMiss): Answer<Value | undefined> {
    if (isDefault(store)) return this.#askKeys((keys) => keys.keyGet(key));
    const list = this.#from.lookup(store);
    const answer = waitPatiently(this.#patience, list?.source, () => list?.get(key));
    if (onMiss === undefined || list?.doubt === undefined) return answer;
    const { doubt } = list;
    return after(answer, (value) => {
      if (value === undefined) onMiss(store, doubt);
      return value;
    });
  }

  keySet(_store: string, key: string, value: Value, seconds?: number): Answer<void> {
    return this.#askKeys((keys) => keys.keySet(key, value, seconds));
  }

  counterGet(_store: string, key: string): Answer<number> {
    return this.#askKeys((keys) => keys.counterGet(key));
  }

  counterIncr(_store: string, key: string, by: number): Answer<number> {
    return this.#askKeys((keys) => keys.counterIncr(key, by));
  }

  sqlQuery(store: string, sql: string, parameters: readonly Value[]): Answer<SqlResult> {
    const opened = this.#from.database(store);
    if (opened === undefined) throw new TemporaryError(`there is no SQL store "${store}"`);
    return waitPatiently(this.#patience, opened.source, () => opened.query(sql, parameters));
  }

  dnsQuery(name: string, type: DnsType): Answer<readonly string[] | undefined> {
    const { dns } = this.#from;
    return waitPatiently(this.#patience, dns.source, () => dns.query(name, type));
  }

  dnsList(question: DnsListQuestion, others: () => readonly DnsListQuestion[]): Answer<readonly string[]> {
    const { onListed } = this.#from;
    return onListed === undefined
      ? this.#askList(question, others)
      : counted(question.list, onListed, () => this.#askList(question, others));
  }

  #askList({ list, about }: DnsListQuestion, others: () => readonly DnsListQuestion[]): Answer<readonly string[]> {
    const asked = this.#from.dnsLists.get(list);
    // Only names of the configuration compile.
    if (asked === undefined) throw new Error(`there is no DNS list "${list}"`);
    return (
      asked.known(about) ??
      waitPatiently(this.#patience, asked.source, () => {
        const answer = asked.codes(about);
        if (answer instanceof Promise) for (const other of others()) this.#askAhead(other);
        return answer;
      })
    );
  }

  /** Nobody waits for it yet. */
  #askAhead({ list, about }: DnsListQuestion): void {
    try {
      const answer = this.#from.dnsLists.get(list)?.codes(about);
      if (answer instanceof Promise) answer.catch(() => {});
    } catch (error) {
      if (!(error instanceof TemporaryError)) throw error;
    }
  }

  #askKeys<T>(ask: (keys: StoredKeys) => Promise<T>): Answer<T> {
    return waitPatiently(this.#patience, this.#from.database("")?.source, () => ask(this.#from.keys()));
  }

  /** The directories that a name means; without one, all. */
  #named(name: string | undefined): readonly Directory[] {
    if (name === undefined) return this.#from.directories;
    const one = this.#from.directory(name);
    return one === undefined ? [] : [one];
  }

  /** A Domain object is local wherever it may be asked: by no name, by the default directory, and by its own. */
  #isRegistered(name: string | undefined, domain: string): boolean {
    const own = this.#from.domains.get(domain);
    return own !== undefined && (name === undefined || this.#isOfDefault(name) || own.directory === name);
  }

  /** Also by its own name. */
  #isOfDefault(name: string): boolean {
    return isDefault(name) || this.#named(name).some((one) => one === this.#from.directory(""));
  }
}

/** The same answers, but what would write is only computed: for commands that change no state, whose stores are open for reading. */
export class AnswersWithoutWriting extends Answers {
  override keySet(): void {}

  override async counterIncr(store: string, key: string, by: number): Promise<number> {
    return (await this.counterGet(store, key)) + by;
  }

  override sqlQuery(store: string, sql: string, parameters: readonly Value[]): Answer<SqlResult> {
    return isReading(sql) ? super.sqlQuery(store, sql, parameters) : { kind: "changes", changes: 0 };
  }
}

function counted(list: string, onListed: OnListed, ask: () => Answer<readonly string[]>): Answer<readonly string[]> {
  const answered = (codes: readonly string[]) => {
    onListed(list, codes.length > 0 ? "listed" : "not-listed");
    return codes;
  };
  const failed = (error: unknown): never => {
    onListed(list, "unavailable");
    throw error;
  };
  let answer: Answer<readonly string[]>;
  try {
    answer = ask();
  } catch (error) {
    return failed(error);
  }
  return answer instanceof Promise ? answer.then(answered, failed) : answered(answer);
}

function anyOf(directories: readonly Directory[], ask: (directory: Directory) => Answer<boolean>): Answer<boolean> {
  for (const [index, directory] of directories.entries()) {
    const answer = ask(directory);
    if (answer instanceof Promise) return answer.then((yes) => yes || anyOf(directories.slice(index + 1), ask));
    if (answer) return true;
  }
  return false;
}
