/** `[lookup.*]`, `[lookup-file.*]` and `[lookup-sql.*]`: named lists in one name space. */
import type { Value } from "../../expr/value.ts";
import type { LookupEntry, LookupSettings } from "../../lookup/lookup-settings.ts";
import { absolute, type Build, textOf } from "./context.ts";
import { knownStore } from "./directories.ts";

export const lookupTables = ["lookup", "lookup-file", "lookup-sql"] as const;

export function buildLookups(build: Build): ReadonlyMap<string, LookupSettings> {
  const { document, report } = build;
  const lookups = new Map<string, LookupSettings>();
  for (const table of lookupTables) {
    for (const name of Object.keys(document[table])) {
      const other = lookups.get(name);
      if (other) report.error([table, name], `there is a lookup of this name already, of the type ${other.type}. Choose another name.`);
      const settings = settingsOf(table, name, build);
      if (settings) lookups.set(name, settings);
    }
  }
  return lookups;
}

function settingsOf(table: (typeof lookupTables)[number], name: string, build: Build): LookupSettings | undefined {
  switch (table) {
    case "lookup": {
      const entries = Object.entries(build.document.lookup[name] ?? {});
      return { type: "memory", name, entries: entries.map(([key, value]) => entryOf(key, value)) };
    }
    case "lookup-file": {
      const file = build.document["lookup-file"][name];
      if (file === undefined) return undefined;
      file.path = absolute(build, file.path);
      textOf(build, [table, name, "path"], file.path);
      return { type: "file", name, path: file.path, caseSensitive: file["case-sensitive"] };
    }
    case "lookup-sql": {
      const sql = build.document["lookup-sql"][name];
      if (sql === undefined) return undefined;
      knownStore([table, name, "store"], sql.store, build);
      return { type: "sql", name, ...sql };
    }
  }
}

/** `\` takes the next character for what it is; a key in which nothing is left to match is an exact one. */
function entryOf(written: string, value: boolean | number | string): LookupEntry {
  const glob = /^(?:\\.|[^\\])*?[*?]/s.test(written);
  return { key: glob ? written : written.replace(/\\(.)/gs, "$1"), glob, value: typed(value) };
}

/** What is written as text counts as what it looks like (spec: true 1, false 0, numbers, else text). */
function typed(value: boolean | number | string): Value {
  if (typeof value === "number") return value;
  if (typeof value === "boolean") return value ? 1 : 0;
  if (value === "true" || value === "false") return value === "true" ? 1 : 0;
  const number = /^-?\d+(\.\d+)?$/.test(value) ? Number(value) : Number.NaN;
  return Number.isNaN(number) || Math.abs(number) > Number.MAX_SAFE_INTEGER ? value : number;
}
