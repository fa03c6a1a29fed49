/** Functions that ask directories, lookups and stores. */

import { after } from "../answer/answer.ts";
import { isDefault, type Names } from "./ask.ts";
import { type AskFunction, type Inspection, type Literals, type ParameterProblem, unknown } from "./function.ts";
import { clamp, flag, toNumber, toText, type Value } from "./value.ts";

export const sourceFunctions: readonly AskFunction[] = [
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
    ask: (ask, [store = "", key = ""], onMiss) => after(ask.keyGet(toText(store), toText(key), onMiss), (value) => value ?? ""),
  },
  {
    name: "key_exists",
    arities: [2],
    inspect: inspectLookup,
    ask: (ask, [store = "", key = ""], onMiss) =>
      after(ask.keyGet(toText(store), toText(key), onMiss), (value) => flag(value !== undefined)),
  },
  {
    name: "key_set",
    arities: [3, 4],
    inspect: inspectDefaultStore,
    ask: (ask, [store = "", key = "", value = "", seconds = ""]) =>
      after(ask.keySet(toText(store), toText(key), value, lifetime(seconds)), () => 1),
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
];

/** 0, and what is no number, is no end. */
function lifetime(seconds: Value): number | undefined {
  const number = toNumber(seconds);
  return number > 0 ? number : undefined;
}

function directoryAnd(parameters: readonly Value[]): [directory: string | undefined, name: string] {
  const [first = "", second] = parameters;
  return second === undefined ? [undefined, toText(first)] : [toText(first), toText(second)];
}

function inspectDirectory(literals: Literals, { directories }: Names): Inspection {
  const warning = swappedName(literals, "directory", directories);
  const name = literals.length === 1 ? undefined : literals[0];
  if (name === undefined || isDefault(name)) return { waits: directories.values().some(({ waits }) => waits), warning };
  return directories.get(name) ?? { problem: unknown("directory", name, directories.keys()), parameter: 0 };
}

function inspectLookup(literals: Literals, { lookups }: Names): Inspection {
  const [name] = literals;
  if (name === undefined) return { waits: true, lists: lookups.keys(), warning: swappedName(literals, "lookup", lookups) };
  if (isDefault(name)) return { waits: true };
  const known = lookups.get(name);
  return known === undefined ? { problem: unknown("lookup", name, lookups.keys()), parameter: 0 } : { waits: known.waits, lists: [name] };
}

function inspectDefaultStore(literals: Literals, { lookups }: Names): Inspection {
  const [name] = literals;
  if (name === undefined || isDefault(name)) return { waits: true, warning: swappedName(literals, "store", new Map()) };
  const what = lookups.has(name) ? `the lookup "${name}" is read-only` : `there is no store "${name}" of keys and counters`;
  return { problem: `${what}. Use '' for the default store.`, parameter: 0 };
}

/** What is asked for is the name of a source, and the source is not: it would be none that exists. */
function swappedName([first, second]: Literals, kind: string, known: ReadonlyMap<string, unknown>): ParameterProblem | undefined {
  if (first !== undefined || second === undefined || !(isDefault(second) || known.has(second))) return undefined;
  return { problem: `the ${kind} comes first, and what it is asked for second. Write '${second}' first.`, parameter: 1, isWarning: true };
}
