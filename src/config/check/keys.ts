/** Keys as people write them to the keys of the schema: other spellings, unknown keys, keys that this version does not have. */
import { didYouMean } from "../../text/did-you-mean.ts";
import { isTableName, tableNameRule } from "../../text/table-name.ts";
import { schema } from "../schema/schema.ts";
import { embeddedName, embeddedPath } from "../schema/stores.ts";
import { below, type Schema } from "../schema/walk.ts";
import { objectNames } from "../syntax/json-objects.ts";
import type { Table, TreeNode } from "../syntax/tree.ts";
import type { ProblemReport } from "./report.ts";

type Shape = Readonly<Record<string, Schema>>;

/** Other names of keys, wherever they are. */
export const aliases: Readonly<Record<string, string>> = { subaddressing: "sub-addressing", "require-tls": "requiretls" };

/** What this version does not have, by key, wherever it is. */
const unbuilt: Readonly<Record<string, string>> = {
  http: "an HTTP server",
  metrics: "an HTTP server",
};

export function camelCase(name: string): string {
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/**
 * Brings the tree into the spelling of the schema, in place; what cannot be is reported and left out.
 * `camelCase` is a spelling in JSON.
 */
export function settleKeys(root: Table, format: "toml" | "json", report: ProblemReport): void {
  completeEmbedded(root);
  new KeySpelling(format, report).settle(root, schema);
}

/** `[store.embedded]` as people write it: it has no type and no path to give. */
function completeEmbedded(root: Table): void {
  const stores = root.entries.get("store");
  const embedded = stores?.kind === "table" ? stores.entries.get(embeddedName) : undefined;
  if (embedded?.kind !== "table" || embedded.entries.has("type") || embedded.entries.has("path")) return;
  const { at, keyAt, key } = embedded;
  embedded.entries.set("type", { kind: "scalar", key: `${key}.type`, at, keyAt, value: "sqlite" });
  embedded.entries.set("path", { kind: "scalar", key: `${key}.path`, at, keyAt, value: embeddedPath });
}

class KeySpelling {
  readonly #format: "toml" | "json";
  readonly #report: ProblemReport;
  /** Every key of the schema, dotted; of use only where one is unknown. */
  #known: readonly string[] | undefined;

  constructor(format: "toml" | "json", report: ProblemReport) {
    this.#format = format;
    this.#report = report;
  }

  settle(node: TreeNode, of: Schema): void {
    const inside = below(of);
    switch (inside.kind) {
      case "leaf":
        return;
      case "object":
        if (node.kind === "table") this.#object(node, inside.shape);
        return;
      case "variants": {
        const type = node.kind === "table" ? node.entries.get("type") : undefined;
        const shape = type?.kind === "scalar" ? inside.variants.get(String(type.value)) : undefined;
        if (node.kind === "table" && shape) this.#object(node, shape);
        return;
      }
      case "list":
        if (node.kind === "list") for (const item of node.items) this.settle(item, inside.element);
        return;
      case "record":
        if (node.kind === "table") this.#record(node, inside.value);
    }
  }

  #record(table: Table, value: Schema): void {
    // Below the entries of an inline lookup nothing is a name.
    const isNamed = below(value).kind !== "leaf";
    for (const [name, node] of table.entries) {
      if (name === "__proto__" || (isNamed && !isTableName(name))) {
        table.entries.delete(name);
        this.#complain(node, `"${name}" is not a name. ${tableNameRule}`);
      } else this.settle(node, value);
    }
  }

  #object(table: Table, shape: Shape): void {
    const settled = new Map<string, TreeNode>();
    for (const [written, node] of table.entries) {
      const name = this.#spelling(written, shape);
      const of = Object.hasOwn(shape, name) ? shape[name] : undefined;
      if (of === undefined) {
        this.#unknown(table, written, node, shape);
        continue;
      }
      const other = settled.get(name);
      if (other) {
        this.#complain(node, `is given twice, here and on line ${other.keyAt.line} as ${other.key}. Remove one.`);
        continue;
      }
      settled.set(name, node);
      this.settle(node, of);
    }
    table.entries.clear();
    for (const [name, node] of settled) table.entries.set(name, node);
  }

  #spelling(written: string, shape: Shape): string {
    if (Object.hasOwn(shape, written)) return written;
    const kebab = this.#format === "json" ? written.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`) : written;
    return (Object.hasOwn(aliases, kebab) ? aliases[kebab] : undefined) ?? kebab;
  }

  #unknown(table: Table, written: string, node: TreeNode, shape: Shape): void {
    const what = Object.hasOwn(unbuilt, written) ? unbuilt[written] : undefined;
    if (what !== undefined) {
      this.#complain(node, `unknown key "${written}": this version does not have ${what}. Remove it.`);
      return;
    }
    if (table.key === "" && objectNames.includes(written)) {
      this.#complain(node, `unknown key "${written}": this object is for JSON. In TOML write tables, such as [session.rcpt].`);
      return;
    }
    const known = this.#knownIn(table, shape);
    const longer = known.filter((key) => key.startsWith(`${written}-`));
    const near = didYouMean(longer[0] ?? written, known);
    // In a table with a name a key is meant for what that is.
    const isSought = near === "" && !isBelowName(table);
    const elsewhere = isSought ? [...leaves(node)].map((leaf) => ({ leaf, keys: this.#elsewhere(leaf.key) })) : [];
    if (elsewhere.length === 0 || elsewhere.some(({ keys }) => keys.length !== 1)) {
      const hint = near || ` Remove it, or look it up: known here are ${known.join(", ")}.`;
      this.#complain(node, `unknown key "${written}".${hint}`);
      return;
    }
    for (const { leaf, keys } of elsewhere) this.#complain(leaf, `unknown key "${leaf.key}". Did you mean "${keys.join()}"?`);
  }

  /** As the format spells them. */
  #knownIn(table: Table, shape: Shape): readonly string[] {
    const keys = Object.keys(shape);
    if (this.#format === "toml") return keys;
    return [...keys.map(camelCase), ...(table.key === "" ? objectNames : [])];
  }

  /** Keys that end as this one does. */
  #elsewhere(key: string): readonly string[] {
    this.#known ??= [...dottedKeys(schema, "")];
    return this.#known.filter((known) => known.endsWith(`.${key}`) || known.endsWith(`.${key.slice(key.lastIndexOf(".") + 1)}`));
  }

  #complain(node: TreeNode, message: string): void {
    this.#report.errorAt(node.keyAt, node.key, message);
  }
}

function isBelowName({ key }: Table): boolean {
  const [top = ""] = key.split(".");
  return Object.hasOwn(schema.shape, top) && below(schema.shape[top as keyof typeof schema.shape]).kind === "record";
}

function* leaves(node: TreeNode): Generator<TreeNode> {
  if (node.kind !== "table") yield node;
  else for (const entry of node.entries.values()) yield* leaves(entry);
}

/** Those that do not depend on names that the file gives. */
function* dottedKeys(of: Schema, prefix: string): Generator<string> {
  const inside = below(of);
  if (inside.kind !== "object") {
    if (prefix !== "") yield prefix;
    return;
  }
  for (const [name, value] of Object.entries(inside.shape)) yield* dottedKeys(value, prefix === "" ? name : `${prefix}.${name}`);
}
