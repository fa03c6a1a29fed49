/** The functions that ask the world: what may be asked of what, whether it may wait, and what the answer becomes. */
import { type Answer, type Ask, isDefault, type Names, type SqlResult } from "./ask.ts";
import { didYouMean } from "./nearest.ts";
import { clamp, flag, isArray, toNumber, toText, type Value } from "./value.ts";

/** What compiling needs to know of one call. */
export type Inspection =
  | { readonly waits: boolean }
  /** The parameter, by its index, that cannot be. */
  | { readonly problem: string; readonly parameter: number };

export interface AskFunction {
  readonly name: string;
  /** The numbers of parameters that it takes. */
  readonly arities: readonly number[];
  /** Parameters as far as they are literal texts. */
  inspect(literals: readonly (string | undefined)[], names: Names): Inspection;
  ask(ask: Ask, parameters: readonly Value[]): Answer<Value>;
}

const records: readonly AskFunction[] = [
  {
    name: "is_local_domain",
    arities: [1, 2],
    inspect: inspectDirectory,
    ask: (ask, parameters) => after(ask.isLocalDomain(...directoryAnd(parameters)), flag),
  },
  {
    name: "is_local_address",
    arities: [1, 2],
    inspect: inspectDirectory,
    ask: (ask, parameters) => after(ask.isLocalAddress(...directoryAnd(parameters)), flag),
  },
  {
    name: "key_get",
    arities: [2],
    inspect: inspectLookup,
    ask: (ask, [store = "", key = ""]) => after(ask.keyGet(toText(store), toText(key)), (value) => value ?? ""),
  },
  {
    name: "key_exists",
    arities: [2],
    inspect: inspectLookup,
    ask: (ask, [store = "", key = ""]) => after(ask.keyGet(toText(store), toText(key)), (value) => flag(value !== undefined)),
  },
  {
    name: "key_set",
    arities: [3],
    inspect: inspectDefaultStore,
    ask: (ask, [store = "", key = "", value = ""]) => after(ask.keySet(toText(store), toText(key), value), () => 1),
  },
  {
    name: "counter_get",
    arities: [2],
    inspect: inspectDefaultStore,
    ask: (ask, [store = "", key = ""]) => after(ask.counterGet(toText(store), toText(key)), clamp),
  },
  {
    name: "counter_incr",
    arities: [3],
    inspect: inspectDefaultStore,
    ask: (ask, [store = "", key = "", by = ""]) => after(ask.counterIncr(toText(store), toText(key), Math.trunc(toNumber(by)) + 0), clamp),
  },
  {
    name: "sql_query",
    arities: [3],
    inspect: inspectSql,
    ask: (ask, [store = "", sql = "", bound = ""]) =>
      after(ask.sqlQuery(toText(store), toText(sql), isArray(bound) ? bound : [bound]), shape),
  },
];

export const askFunctions: ReadonlyMap<string, AskFunction> = new Map(records.map((record) => [record.name, record]));

function after<T>(answer: Answer<T>, become: (value: T) => Value): Answer<Value> {
  return answer instanceof Promise ? answer.then(become) : become(answer);
}

function directoryAnd(parameters: readonly Value[]): [directory: string | undefined, name: string] {
  const [first = "", second] = parameters;
  return second === undefined ? [undefined, toText(first)] : [toText(first), toText(second)];
}

function inspectDirectory(literals: readonly (string | undefined)[], { directories }: Names): Inspection {
  const name = literals.length === 1 ? undefined : literals[0];
  if (name === undefined || isDefault(name)) return { waits: directories.values().some(({ waits }) => waits) };
  return directories.get(name) ?? { problem: unknown("directory", name, directories.keys()), parameter: 0 };
}

function inspectLookup([name]: readonly (string | undefined)[], { lookups }: Names): Inspection {
  if (name === undefined || isDefault(name)) return { waits: true };
  return lookups.get(name) ?? { problem: unknown("lookup", name, lookups.keys()), parameter: 0 };
}

function inspectDefaultStore([name]: readonly (string | undefined)[], { lookups }: Names): Inspection {
  if (name === undefined || isDefault(name)) return { waits: true };
  const what = lookups.has(name) ? `the lookup "${name}" is read-only` : `there is no store "${name}" of keys and counters`;
  return { problem: `${what}. Use '' for the default store.`, parameter: 0 };
}

function inspectSql([name, sql]: readonly (string | undefined)[], { stores }: Names): Inspection {
  if (name !== undefined && !isDefault(name) && !stores.has(name)) return { problem: unknown("store", name, stores), parameter: 0 };
  if (sql?.trim() === "") return { problem: "the SQL statement is empty.", parameter: 1 };
  return { waits: true };
}

function unknown(kind: string, name: string, known: Iterable<string>): string {
  return `unknown ${kind} "${name}".${didYouMean(name, known) || ` Define it, or use '' for the default.`}`;
}

/** No row is `''`, one column of one row its value, one row an array, more rows an array of arrays. */
function shape(result: SqlResult): Value {
  if (result.kind === "changes") return result.changes;
  const [row, ...more] = result.rows;
  if (row === undefined) return "";
  if (more.length > 0) return result.rows;
  const [column, ...others] = row;
  return column !== undefined && others.length === 0 ? column : row;
}
