/** `[lookup.*]`, `[lookup-file.*]` and `[lookup-sql.*]`: named lists in one namespace. */
import type { Value } from "../../expr/value.ts";
import { parseList } from "../../lookup/file.ts";
import { canonicalKey } from "../../lookup/list-key.ts";
import type { LookupEntry, LookupSettings } from "../../lookup/lookup-settings.ts";
import { uselessKey } from "../../lookup/useless-key.ts";
import { suggestTable } from "../../text/table-name.ts";
import { unknownStore } from "../check/names.ts";
import { wrongParameters } from "../check/query-parameter.ts";
import type { Normalised } from "../normalise.ts";
import type { KeyPath } from "../syntax/tree.ts";
import { type CompileContext, checkLines } from "./context.ts";

export function compileLookups(normalised: Normalised, context: CompileContext): ReadonlyMap<string, LookupSettings> {
  const lookups = new Map<string, LookupSettings>();
  const isAskedByMta = Object.values(normalised.listener).some(({ protocol }) => protocol === "socketmap");
  const add = (table: "lookup" | "lookup-file" | "lookup-sql", settings: LookupSettings) => {
    const { name } = settings;
    const other = lookups.get(name);
    if (other)
      context.report.error([table, name], `there is a lookup of this name already, of the type ${other.type}. Choose another name.`);
    lookups.set(name, settings);
  };
  for (const [name, entries] of Object.entries(normalised.lookup)) {
    for (const [key, value] of Object.entries(entries))
      context.report.warningIf(["lookup", name, key], uselessKey(key, isAskedByMta) ?? meantForAnother(name, key, value));
    add("lookup", { type: "memory", name, entries: entriesOf(name, entries, context) });
  }
  for (const [name, { path, "case-sensitive": caseSensitive }] of Object.entries(normalised["lookup-file"])) {
    checkLines(["lookup-file", name, "path"], path, (text, problem) => parseList(text, isAskedByMta, problem), context);
    add("lookup-file", { type: "file", name, path, caseSensitive, isAskedByMta });
  }
  for (const [name, { store, query }] of Object.entries(normalised["lookup-sql"])) {
    context.report.errorIf(["lookup-sql", name, "store"], unknownStore(store, context.names));
    const type = normalised.store[store]?.type;
    if (type !== undefined) context.report.errorIf(["lookup-sql", name, "query"], wrongParameters(query, type, "the key"));
    add("lookup-sql", { type: "sql", name, store, query });
  }
  return lookups;
}

/** Of a table whose entries are elsewhere. */
function meantForAnother(name: string, key: string, value: true | number | string): string | undefined {
  const text = String(value);
  const table =
    key === "path" && text.includes("/") ? "lookup-file" : key === "query" && /\bselect\b/i.test(text) ? "lookup-sql" : undefined;
  return (
    table && `is an entry of this list, as every key is.${suggestTable(name, [table], (header) => `For that ${key} write ${header}.`)}`
  );
}

/** Keys that are one in their canonical form would lose a value. */
function entriesOf(name: string, written: Normalised["lookup"][string], { report }: CompileContext): readonly LookupEntry[] {
  const known = new Map<string, { readonly path: KeyPath; readonly key: string; readonly value: Value }>();
  return Object.entries(written).map(([key, text]) => {
    const entry = entryOf(key, text);
    const path = ["lookup", name, key];
    const folded = `${entry.glob} ${canonicalKey(entry.key)}`;
    const other = known.get(folded);
    if (other === undefined) known.set(folded, { path, key, value: entry.value });
    else if (other.value !== entry.value)
      report.error(path, `is one key with "${other.key}" on line ${report.placeOf(other.path).line}, and has another value. Remove one.`);
    return entry;
  });
}

/** `\` takes the next character for what it is; a key in which nothing is left to match is an exact one. */
function entryOf(written: string, value: true | number | string): LookupEntry {
  const glob = /^(?:\\.|[^\\])*?[*?]/s.test(written);
  return { key: glob ? written : written.replace(/\\(.)/gs, "$1"), glob, value: typed(value) };
}

/** Text counts as what it looks like: true is 1, false is 0, numbers are numbers. */
function typed(value: true | number | string): Value {
  if (typeof value === "number") return value;
  if (value === true) return 1;
  if (value === "true" || value === "false") return value === "true" ? 1 : 0;
  const number = /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : Number.NaN;
  return Number.isNaN(number) || Math.abs(number) > Number.MAX_SAFE_INTEGER ? value : number;
}
