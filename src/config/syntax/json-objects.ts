/** Objects of JSON configurations, `MtaStageRcpt` and the like, to the tables that they mean. */
import type { ProblemReport } from "../check/report.ts";
import type { List, Table, TreeNode } from "./tree.ts";

/** Where a field goes; a field that is not named goes under its own name. */
type Fields = Readonly<Record<string, readonly string[]>>;

const stages: Readonly<Record<string, { readonly under: readonly string[]; readonly fields: Fields }>> = {
  MtaStageEhlo: { under: ["session", "ehlo"], fields: {} },
  MtaExtensions: { under: ["session", "extensions"], fields: {} },
  MtaStageRcpt: {
    under: ["session", "rcpt"],
    fields: { maxFailures: ["errors", "total"], waitOnFail: ["errors", "wait"], allowRelaying: ["relay"] },
  },
};

/** The names of objects, for whoever suggests one. */
export const objectNames: readonly string[] = [
  ...Object.keys(stages),
  "MemoryLookupKey",
  "MemoryLookupKeyValue",
  "Domain",
  "MtaInboundThrottle",
  "SieveSystemScript",
];

export function foldObjects(root: Table, report: ProblemReport): void {
  for (const [name, { under, fields }] of Object.entries(stages)) {
    const node = take(root, name);
    if (node?.kind !== "table") {
      if (node) wrongKind(node, "an object", report);
      continue;
    }
    for (const [field, value] of node.entries) put(root, [...under, ...(fields[field] ?? [field])], value, report);
  }
  foldLookups(root, report);
  foldDomains(root, report);
  foldThrottles(root, report);
  foldScripts(root, report);
}

function foldLookups(root: Table, report: ProblemReport): void {
  /** By name space: whether it is a map. */
  const kinds = new Map<string, boolean>();
  for (const name of ["MemoryLookupKey", "MemoryLookupKeyValue"]) {
    const isMap = name === "MemoryLookupKeyValue";
    for (const entry of objectsIn(take(root, name), report)) {
      const fields = fieldsOf(entry, ["namespace", "key", "isGlobPattern", ...(isMap ? ["value"] : [])], report);
      const [namespace, key] = [textOf(fields.namespace), textOf(fields.key)];
      if (namespace === undefined || key === undefined || (isMap && fields.value === undefined)) {
        const missing = namespace === undefined ? "namespace" : key === undefined ? "key" : "value";
        complain(report, fields[missing] ?? entry, `needs a "${missing}"${missing === "value" ? "" : ", a string"}. Add it.`);
        continue;
      }
      if ((kinds.get(namespace) ?? isMap) !== isMap) {
        complain(report, entry, `the name space "${namespace}" has keys with values and keys without. Put them into two.`);
        continue;
      }
      kinds.set(namespace, isMap);
      const glob = fields.isGlobPattern;
      if (glob && (glob.kind !== "scalar" || typeof glob.value !== "boolean")) complain(report, glob, "must be true or false.");
      const pattern = glob?.kind === "scalar" && glob.value === true ? key : key.replace(/[*?\\]/g, "\\$&");
      put(root, ["lookup", namespace, pattern], fields.value ?? { ...entry, kind: "scalar", value: true }, report);
    }
  }
}

function foldDomains(root: Table, report: ProblemReport): void {
  const objects = objectsIn(take(root, "Domain"), report);
  if (objects.length === 0) return;
  for (const { entries } of objects) {
    const rules = entries.get("subAddressing");
    const form = rules?.kind === "table" ? rules.entries.get("@type") : undefined;
    if (rules?.kind !== "table" || form === undefined) continue;
    const custom = rules.entries.get("customRule");
    const meant = textOf(form);
    if (meant === "Custom" && custom) entries.set("subAddressing", custom);
    else if (meant === "Custom") complain(report, rules, 'has no "customRule". Add it.');
    else if (meant === "Enabled" || meant === "Disabled")
      entries.set("subAddressing", { ...rules, kind: "scalar", value: meant === "Enabled" });
    else complain(report, form, 'must be "Enabled", "Disabled" or "Custom".');
    if (typeof entries.get("subAddressing") === "object" && entries.get("subAddressing") === rules) entries.delete("subAddressing");
  }
  const there = root.entries.get("domain");
  if (there?.kind === "list") there.items.push(...objects);
  else if (objects[0])
    root.entries.set("domain", { kind: "list", key: "Domain", keyAt: objects[0].keyAt, at: objects[0].at, items: [...objects] });
}

/** Keys are named in camelCase, a rate may be an object; a period without a unit is milliseconds, as in rules. */
function foldThrottles(root: Table, report: ProblemReport): void {
  const objects = objectsIn(take(root, "MtaInboundThrottle"), report);
  if (objects.length === 0) return;
  for (const { entries } of objects) {
    const key = entries.get("key");
    if (key?.kind === "list") for (const [index, item] of key.items.entries()) key.items[index] = inSnakeCase(item);
    const rate = entries.get("rate");
    if (rate?.kind !== "table") continue;
    const fields = fieldsOf(rate, ["count", "period"], report);
    const [count, period] = [scalarOf(fields.count), scalarOf(fields.period)];
    entries.set("rate", { ...rate, kind: "scalar", value: `${count}/${typeof period === "number" ? `${period}ms` : period}` });
  }
  const session = root.entries.get("session");
  const there = session?.kind === "table" ? session.entries.get("throttle") : undefined;
  if (there?.kind === "list") there.items.push(...objects);
  else if (objects[0]) {
    const { keyAt, at } = objects[0];
    put(root, ["session", "throttle"], { kind: "list", key: "MtaInboundThrottle", keyAt, at, items: [...objects] }, report);
  }
}

function foldScripts(root: Table, report: ProblemReport): void {
  for (const script of objectsIn(take(root, "SieveSystemScript"), report)) {
    const { name, contents } = fieldsOf(script, ["name", "contents", "isActive"], report);
    const text = textOf(name);
    if (text === undefined || contents?.kind !== "scalar" || typeof contents.value !== "string") {
      const missing = text === undefined ? "name" : "contents";
      complain(
        report,
        (text === undefined ? name : contents) ?? script,
        `needs ${missing === "name" ? 'a "name"' : '"contents"'}, a string. Add it.`,
      );
      continue;
    }
    const entries = new Map([...script.entries].filter(([field]) => field === "contents" || field === "isActive"));
    put(root, ["sieve", "trusted", "scripts", text], { ...script, entries }, report);
  }
}

function inSnakeCase(node: TreeNode): TreeNode {
  if (node.kind !== "scalar" || typeof node.value !== "string") return node;
  return { ...node, value: node.value.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) };
}

function scalarOf(node: TreeNode | undefined): unknown {
  return node?.kind === "scalar" ? node.value : undefined;
}

function take(root: Table, name: string): TreeNode | undefined {
  const node = root.entries.get(name);
  root.entries.delete(name);
  return node;
}

/** One object, or a list of them. */
function objectsIn(node: TreeNode | undefined, report: ProblemReport): readonly Table[] {
  const items = node === undefined ? [] : node.kind === "list" ? node.items : [node];
  return items.filter((item) => {
    if (item.kind !== "table") wrongKind(item, "an object", report);
    return item.kind === "table";
  });
}

function fieldsOf(object: Table, known: readonly string[], report: ProblemReport): Readonly<Record<string, TreeNode | undefined>> {
  for (const [name, node] of object.entries) {
    if (!known.includes(name)) {
      report.errorAt(node.keyAt, node.key, `unknown key "${name}". Known are ${known.join(", ")}.`);
    }
  }
  return Object.fromEntries(object.entries);
}

function put(root: Table, path: readonly string[], node: TreeNode, report: ProblemReport): void {
  let table = root;
  for (const [depth, name] of path.slice(0, -1).entries()) {
    const next: TreeNode = table.entries.get(name) ?? {
      ...node,
      kind: "table",
      key: path.slice(0, depth + 1).join("."),
      entries: new Map(),
    };
    table.entries.set(name, next);
    if (next.kind !== "table") return;
    table = next;
  }
  const last = path.at(-1) ?? "";
  const other = table.entries.get(last);
  if (other === undefined) table.entries.set(last, node);
  else complain(report, node, `is given twice, here and in line ${other.keyAt.line} as ${other.key}. Remove one.`);
}

function textOf(node: TreeNode | undefined): string | undefined {
  return node?.kind === "scalar" && typeof node.value === "string" && node.value !== "" ? node.value : undefined;
}

function wrongKind(node: TreeNode | List, wanted: string, report: ProblemReport): void {
  complain(report, node, `must be ${wanted}.`);
}

function complain(report: ProblemReport, { at, key }: TreeNode, message: string): void {
  report.errorAt(at, key, message);
}
