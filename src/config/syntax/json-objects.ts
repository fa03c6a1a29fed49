/** Objects of JSON configurations, `MtaStageRcpt` and the like, to the tables that they mean. */
import type { ProblemReport } from "../check/report.ts";
import type { Table, TreeNode } from "./tree.ts";

/** Where a field goes; a field that is not named goes under its own name. */
type Fields = Readonly<Record<string, readonly string[]>>;

const stages: Readonly<Record<string, { readonly under: readonly string[]; readonly fields: Fields }>> = {
  MtaStageEhlo: { under: ["session", "ehlo"], fields: {} },
  MtaStageAuth: { under: ["session", "auth"], fields: {} },
  MtaStageMail: { under: ["session", "mail"], fields: { isSenderAllowed: ["is-allowed"] } },
  MtaExtensions: { under: ["session", "extensions"], fields: {} },
  SenderAuth: {
    under: ["auth"],
    fields: {
      spfEhloVerify: ["spf", "verify", "ehlo"],
      spfFromVerify: ["spf", "verify", "mailFrom"],
      reverseIpVerify: ["iprev", "verify"],
    },
  },
  MtaStageRcpt: {
    under: ["session", "rcpt"],
    fields: { maxFailures: ["errors", "total"], waitOnFail: ["errors", "wait"], allowRelaying: ["relay"] },
  },
};

/** What says nothing but to people, in any object. */
const notes: ReadonlySet<string> = new Set(["id", "description"]);

/** The names of objects, for suggestions. */
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
      if (node) complain(report, node, "must be an object.");
      continue;
    }
    for (const [field, value] of node.entries) if (!notes.has(field)) put(root, [...under, ...(fields[field] ?? [field])], value, report);
  }
  foldLookups(root, report);
  foldDomains(root, report);
  foldThrottles(root, report);
  foldScripts(root, report);
}

function foldLookups(root: Table, report: ProblemReport): void {
  /** By namespace: whether it is a map. */
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
        complain(report, entry, `the namespace "${namespace}" has keys with values and keys without. Use a namespace for each.`);
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
  for (const { entries } of objects) {
    unwrapSubAddressing(entries, report);
    listSet(entries, "aliases");
  }
  append(root, ["domain"], "Domain", objects, report);
}

/** `{"@type", "customRule"?}` to true, false or the rule set. */
function unwrapSubAddressing(entries: Table["entries"], report: ProblemReport): void {
  const written = entries.get("subAddressing");
  const form = written?.kind === "table" ? written.entries.get("@type") : undefined;
  if (written?.kind !== "table" || form === undefined) return;
  entries.delete("subAddressing");
  const meant = textOf(form);
  const { customRule: custom } = fieldsOf(written, ["@type", "customRule"], report);
  if (meant === "Enabled" || meant === "Disabled") {
    if (custom) complain(report, custom, 'counts only where "@type" is "Custom". Write that, or remove it.');
    entries.set("subAddressing", { ...written, kind: "scalar", value: meant === "Enabled" });
  } else if (meant !== "Custom") complain(report, form, 'must be "Enabled", "Disabled" or "Custom".');
  else if (custom) entries.set("subAddressing", custom);
  else complain(report, written, 'has no "customRule". Add it.');
}

/** Keys are named in camelCase, a rate may be an object; a period without a unit is milliseconds, as in rules. */
function foldThrottles(root: Table, report: ProblemReport): void {
  const objects = objectsIn(take(root, "MtaInboundThrottle"), report);
  for (const { entries } of objects) {
    listSet(entries, "key");
    const key = entries.get("key");
    if (key?.kind === "list") for (const [index, item] of key.items.entries()) key.items[index] = inSnakeCase(item);
    const rate = entries.get("rate");
    if (rate?.kind !== "table") continue;
    const fields = fieldsOf(rate, ["count", "period"], report);
    const [count, period] = [scalarOf(fields.count), scalarOf(fields.period)];
    const missing = count === undefined ? "count" : period === undefined ? "period" : undefined;
    if (missing !== undefined) {
      const given = fields[missing];
      const form = 'as in { "count": 100, "period": "1h" }';
      if (given) complain(report, given, `must be one value, ${form}.`);
      else complain(report, rate, `needs a "${missing}", ${form}. Add it.`);
      // So that nothing else is said of it.
      entries.set("rate", { ...rate, kind: "scalar", value: "1/1h" });
      continue;
    }
    entries.set("rate", { ...rate, kind: "scalar", value: `${count}/${typeof period === "number" ? `${period}ms` : period}` });
  }
  append(root, ["session", "throttle"], "MtaInboundThrottle", objects, report);
}

function foldScripts(root: Table, report: ProblemReport): void {
  for (const script of objectsIn(take(root, "SieveSystemScript"), report)) {
    const { name, contents } = fieldsOf(script, ["name", "contents", "isActive"], report);
    const text = textOf(name);
    if (text === undefined) complain(report, name ?? script, 'needs a "name", a string. Add it.');
    else if (typeof scalarOf(contents) !== "string") complain(report, contents ?? script, 'needs "contents", a string. Add it.');
    if (text === undefined || typeof scalarOf(contents) !== "string") continue;
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

/** One object, or several in a list or under numbers, without their notes. */
function objectsIn(node: TreeNode | undefined, report: ProblemReport): readonly Table[] {
  const items = node === undefined ? [] : node.kind === "list" ? node.items : isNumbered(node) ? [...node.entries.values()] : [node];
  return items.filter((item) => {
    if (item.kind !== "table") complain(report, item, "must be an object.");
    else for (const note of notes) item.entries.delete(note);
    return item.kind === "table";
  });
}

/** `{"0": …, "1": …}`. */
function isNumbered(node: TreeNode): node is Table {
  return node.kind === "table" && node.entries.size > 0 && node.entries.keys().every((name) => /^\d+$/.test(name));
}

/** A set may be written as an object: `{"a": true}` or `{"0": "a"}` is `["a"]`. */
function listSet(entries: Table["entries"], field: string): void {
  const set = entries.get(field);
  if (set?.kind !== "table") return;
  const items = [...set.entries].map(
    ([name, entry]): TreeNode => (scalarOf(entry) === true && entry.kind === "scalar" ? { ...entry, value: name, at: entry.keyAt } : entry),
  );
  entries.set(field, { ...set, kind: "list", items });
}

function fieldsOf(object: Table, known: readonly string[], report: ProblemReport): Readonly<Record<string, TreeNode | undefined>> {
  for (const [name, node] of object.entries) {
    if (!known.includes(name)) {
      report.errorAt(node.keyAt, node.key, `unknown key "${name}". Known are ${known.join(", ")}.`);
    }
  }
  return Object.fromEntries(object.entries);
}

/** To the list at the path, which may be there under its own name, too. */
function append(root: Table, path: readonly string[], key: string, items: readonly Table[], report: ProblemReport): void {
  const [first] = items;
  if (first === undefined) return;
  const { keyAt, at } = first;
  const there = path.reduce<TreeNode | undefined>((node, name) => (node?.kind === "table" ? node.entries.get(name) : undefined), root);
  if (there?.kind === "list") for (const item of items) there.items.push(item);
  else put(root, path, { kind: "list", key, keyAt, at, items: [...items] }, report);
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
  else complain(report, node, `is given twice, here and on line ${other.keyAt.line} as ${other.key}. Remove one.`);
}

function textOf(node: TreeNode | undefined): string | undefined {
  return node?.kind === "scalar" && typeof node.value === "string" && node.value !== "" ? node.value : undefined;
}

function complain(report: ProblemReport, { at, key }: TreeNode, message: string): void {
  report.errorAt(at, key, message);
}
