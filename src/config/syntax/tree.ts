/** A configuration file as it was read: tables, lists and plain values, each with its place in the text. */
import type { Place } from "../../text/place.ts";

interface Placed {
  /** Dotted, as the file spells it: `session.rcpt.rewrite[0].if`. */
  readonly key: string;
  /** Where the key is; for an element of a list, where its value begins. */
  readonly keyAt: Place;
  /** Where the value begins. */
  readonly at: Place;
}

export interface Table extends Placed {
  readonly kind: "table";
  readonly entries: Map<string, TreeNode>;
}

export interface List extends Placed {
  readonly kind: "list";
  readonly items: TreeNode[];
}

interface Scalar extends Placed {
  readonly kind: "scalar";
  /** A whole number beyond ±(2^53−1) is a bigint. */
  readonly value: string | number | bigint | boolean | Date | null;
  /** Where in the file the character of a string at this index is. */
  readonly placeOf?: (index: number) => Place;
}

export type TreeNode = Table | List | Scalar;

/** Names of tables and indexes of lists, from the root. */
export type KeyPath = readonly (string | number)[];

/** A file that was read, or the first thing in it that is not TOML or JSON. */
export type Parsed =
  | { readonly kind: "tree"; readonly root: Table; readonly remarks: readonly { readonly at: Place; readonly message: string }[] }
  | { readonly kind: "error"; readonly at: Place; readonly message: string };

export function keyOf(parent: string, name: string | number): string {
  if (typeof name === "number") return `${parent}[${name}]`;
  const text = /^[\w@-]+$/.test(name) ? name : JSON.stringify(name);
  return parent === "" ? text : `${parent}.${text}`;
}

/** The node itself, or the nearest one above it, with the key that the path has from there. */
export function locate(root: Table, path: KeyPath, index?: number): Place & { readonly key: string } {
  let node: TreeNode = root;
  for (const [depth, name] of path.entries()) {
    const next = childOf(node, name);
    if (next === undefined) return { ...node.at, key: path.slice(depth).reduce<string>(keyOf, node.key) };
    node = next;
  }
  const at = index !== undefined && node.kind === "scalar" && node.placeOf ? node.placeOf(index) : node.at;
  return { ...at, key: node.key };
}

export function isWritten(root: Table, path: KeyPath): boolean {
  return path.reduce<TreeNode | undefined>((node, name) => node && childOf(node, name), root) !== undefined;
}

function childOf(node: TreeNode, name: string | number): TreeNode | undefined {
  switch (node.kind) {
    case "table":
      return node.entries.get(String(name));
    case "list":
      return node.items[Number(name)];
    case "scalar":
      return undefined;
  }
}

/** Plain objects, arrays and values. */
export function toData(node: TreeNode): unknown {
  switch (node.kind) {
    case "table":
      return Object.fromEntries([...node.entries].map(([name, entry]) => [name, toData(entry)]));
    case "list":
      return node.items.map(toData);
    case "scalar":
      return node.value;
  }
}

/** Of such data: a table or a list. */
export function isTable(data: unknown): data is Record<string, unknown> {
  return typeof data === "object" && data !== null && !(data instanceof Date);
}
