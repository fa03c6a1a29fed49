/** What tests compile and run scripts with: lists in Maps, an SQLite database in memory, DNS answers in a Map. */
import { DatabaseSync } from "node:sqlite";
import { TemporaryError } from "../../src/answer/temporary-error.ts";
import type { Ask, SqlResult } from "../../src/expr/ask.ts";
import { placeholders } from "../../src/expr/sql-text.ts";
import type { Value } from "../../src/expr/value.ts";
import { reverseName } from "../../src/mail/ip.ts";
import { defaultLimits, type Limits } from "../../src/sieve/limits.ts";
import type { ScriptEnvelope, ScriptSurroundings, ScriptVocabulary } from "../../src/sieve/script.ts";

const environment = ["remote_ip", "remote_ip.reverse", "helo_domain", "authenticated_as", "now", "stage", "tls.version", "param.body"];
const standard = ["domain", "host", "location", "name", "phase", "remote-host", "remote-ip", "version"];

interface VocabularyChanges {
  /** Names of lookups. */
  readonly lists?: Iterable<string>;
  readonly scripts?: ReadonlyMap<string, string>;
  readonly limits?: Partial<Limits>;
  readonly subAddressing?: ScriptVocabulary["subAddressing"];
  readonly mustRequire?: boolean;
  /** Lookups and directories may have to be waited for. */
  readonly waits?: boolean;
}

export function vocabularyOf({
  lists = [],
  scripts,
  limits = {},
  subAddressing = "separator",
  mustRequire = false,
  waits = false,
}: VocabularyChanges = {}): ScriptVocabulary {
  return {
    environment: new Set([...environment, ...standard]),
    names: {
      directories: new Map([["accounts", { waits }]]),
      lookups: new Map([...lists].map((name) => [name, { waits }])),
      stores: new Set(["embedded"]),
      dnsLists: new Map([["zen", "client"]]),
    },
    source: (name) => scripts?.get(name),
    limits: { ...defaultLimits, ...limits },
    subAddressing,
    mustRequire,
  };
}

export interface World {
  readonly environment: ReadonlyMap<string, Value>;
  readonly envelope: ScriptEnvelope;
  readonly lists: ReadonlyMap<string, ReadonlySet<string>>;
  /** Statements that run in the data store first. */
  readonly sql: readonly string[];
  /** By `TYPE NAME` in lower case; `undefined`: there is no answer. */
  readonly dns: ReadonlyMap<string, readonly string[] | undefined>;
  readonly declaredSize: number;
  readonly now: number;
}

/** With `late`, everything that may wait does. */
export function surroundingsOf(world: World, late: boolean): ScriptSurroundings {
  return {
    environment: (name) => world.environment.get(name),
    envelope: world.envelope,
    declaredSize: world.declaredSize,
    now: world.now,
    separatorOf: (domain) => (domain === "whole.example" ? undefined : "+"),
    yieldToLoop: () => Promise.resolve(),
    ask: askOf(world, late),
    listed: (of) => (of === "client" ? String(world.environment.get("remote_ip") ?? "") : ""),
  };
}

function askOf({ lists, dns, sql }: World, late: boolean): Ask {
  const counters = new Map<string, number>();
  const keys = new Map<string, Value>();
  const database = new DatabaseSync(":memory:");
  for (const statement of sql) database.exec(statement);
  const answer = <T>(value: () => T): T | Promise<T> => (late ? Promise.resolve().then(value) : value());
  return {
    isLocalDomain: (_, domain) => answer(() => domain === "example.org"),
    isLocalAddress: (_, address) => answer(() => address === "john@example.org"),
    // Like the product's lookups, a list folds the key.
    keyGet: (name, key) => answer(() => (lists.get(name)?.has(key.toLowerCase()) ? 1 : keys.get(`${name}:${key}`))),
    keySet: (name, key, value) => answer(() => void keys.set(`${name}:${key}`, value)),
    counterGet: (name, key) => answer(() => counters.get(`${name}:${key}`) ?? 0),
    counterIncr: (name, key, by) =>
      answer(() => {
        const count = (counters.get(`${name}:${key}`) ?? 0) + by;
        counters.set(`${name}:${key}`, count);
        return count;
      }),
    sqlQuery: (_, text, parameters) => answer(() => queried(database, text, parameters)),
    dnsQuery: (name, type) =>
      answer(() => {
        const question = `${type} ${name}`.toLowerCase();
        const found = dns.get(question);
        if (found === undefined && dns.has(question)) throw new TemporaryError("no answer");
        return found;
      }),
    // A list of the test's DNS answers is one of names below `LIST.dnsbl.example`.
    dnsList: ({ list, about }) =>
      answer(() => {
        const question = `ipv4 ${reverseName(about)}.${list}.dnsbl.example`;
        const found = dns.get(question);
        if (found === undefined && dns.has(question)) throw new TemporaryError("no answer");
        return found ?? [];
      }),
  };
}

function queried(database: DatabaseSync, sql: string, parameters: readonly Value[]): SqlResult {
  try {
    const statement = database.prepare(placeholders(sql, "sqlite"));
    const given = parameters.map((value) => (typeof value === "number" ? value : String(value)));
    if (statement.columns().length === 0) return { kind: "changes", changes: Number(statement.run(...given).changes) };
    const rows = statement
      .all(...given)
      .map((row) => Object.values(row).map((column) => (typeof column === "number" ? column : String(column ?? ""))));
    return { kind: "rows", rows };
  } catch (cause) {
    throw new TemporaryError("the statement failed", { cause });
  }
}
