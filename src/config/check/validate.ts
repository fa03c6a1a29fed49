/** Data against the schema: what is wrong is reported in the words of administrators, and left out, so that the rest can be checked. */
import type { z } from "zod";
import { didYouMean } from "../../text/did-you-mean.ts";
import { shorten } from "../../text/shorten.ts";
import { type Document, schema } from "../schema/schema.ts";
import { takesTables } from "../schema/walk.ts";
import { isTable, type KeyPath } from "../syntax/tree.ts";
import type { ProblemReport } from "./report.ts";

/** What to write for a key that must not be missing. */
const examples: Readonly<Record<string, string>> = {
  protocol: 'protocol = "policy"',
  bind: 'bind = ["127.0.0.1:10040"]',
  path: 'path = "/path/to/file"',
  store: 'store = "embedded"',
  query: 'query = "SELECT 1 FROM customers WHERE domain = $1"',
  name: 'name = "example"',
  rate: 'rate = "100/1h"',
  if: `if = "helo_domain == 'mail.example.net'"`,
};

/** `format`: what it was written in, for what is said of it. */
export function validate(data: unknown, format: "toml" | "json", report: ProblemReport): Document {
  const rest = structuredClone(data);
  for (let isFirst = true; ; isFirst = false) {
    const result = schema.safeParse(rest);
    if (result.success) return result.data;
    const { issues } = result.error;
    // What is missing because it was left out has been reported.
    if (isFirst) for (const issue of issues) report.error(pathOf(issue), problemOf(issue, data, format, report));
    const wrong = issues.map(pathOf).filter((path) => !completed(rest, path));
    for (const path of wrong.map((path) => culprit(rest, path))) leaveOut(rest, path);
  }
}

function pathOf({ path }: z.core.$ZodIssue): KeyPath {
  return path.map((part) => (typeof part === "number" ? part : String(part)));
}

function problemOf(issue: z.core.$ZodIssue, data: unknown, format: "toml" | "json", report: ProblemReport): string {
  const path = pathOf(issue);
  const found = valueAt(data, path);
  const isTables = format === "toml" && Array.isArray(found) && found.length > 0 && found.every(isTable);
  if (isTables && issue.code === "invalid_type") {
    const header = report.placeOf(path).key.replace(/\[\d+\]/g, "");
    if (issue.expected === "record") return `gives each table its name, in single brackets. Write [${header}.NAME].`;
    if (issue.expected === "object") return `is one table, in single brackets. Write [${header}].`;
  }
  const isTableForList = issue.code === "invalid_type" && issue.expected === "array" && isTable(found) && !Array.isArray(found);
  if (!isTableForList || format === "json" || !takesTables(schema, path)) return messageOf(issue, found);
  const header = `[[${report.placeOf(path).key.replace(/\[\d+\]/g, "")}]]`;
  const [[name, first] = []] = Object.entries(found);
  const named = name !== undefined && isTable(first) ? ` and below it name = ${JSON.stringify(name)}` : "";
  return `is a list of tables, of which each begins with double brackets. Write ${header}${named}.`;
}

function messageOf(issue: z.core.$ZodIssue, found: unknown): string {
  const name = String(issue.path.at(-1));
  if (found === undefined) {
    const [type] = typesOf(issue);
    const example = type === undefined ? examples[name] : `type = "${type}"`;
    return `is missing. Add it${example === undefined ? "" : `, for example ${example}`}.`;
  }
  const types = typesOf(issue);
  if (types.length > 0) return choice(found, types);
  switch (issue.code) {
    case "invalid_type":
      // A message of the schema's own begins otherwise.
      return issue.message.startsWith("Invalid input")
        ? `must be ${kinds[issue.expected] ?? issue.expected}, not ${describe(found)}.`
        : issue.message;
    case "invalid_value":
      return issue.message.startsWith("Invalid") ? choice(found, issue.values.map(String)) : issue.message;
    case "too_small":
      return issue.origin === "number" ? `must be at least ${issue.minimum}.` : "must not be empty.";
    case "too_big":
      return `must be at most ${issue.maximum}.`;
    case "invalid_format":
    case "invalid_union":
    case "custom":
      return issue.message;
    case "not_multiple_of":
    case "unrecognized_keys":
    case "invalid_key":
    case "invalid_element":
      return `${issue.message}.`;
  }
}

/** The values that `type` may have, when it is `type` that is wrong. */
function typesOf(issue: z.core.$ZodIssue): readonly string[] {
  return issue.code === "invalid_union" && "options" in issue && Array.isArray(issue.options) ? issue.options.map(String) : [];
}

function choice(found: unknown, options: readonly string[]): string {
  const known = `must be ${options.map((option) => JSON.stringify(option)).join(" or ")}, not ${describe(found)}.`;
  return typeof found === "string" ? known + didYouMean(found, options) : known;
}

const kinds: Readonly<Record<string, string>> = {
  string: "a string, in quotes",
  boolean: "true or false, without quotes",
  number: "a number, without quotes",
  int: "a whole number, without quotes",
  array: "a list, in brackets",
  object: "a table",
  record: "a table",
};

function describe(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (value instanceof Date) return "a date";
  if (value === null) return "null";
  if (typeof value === "object") return "a table";
  return typeof value === "string" ? JSON.stringify(shorten(value)) : String(value);
}

function valueAt(data: unknown, path: KeyPath): unknown {
  return path.reduce<unknown>((value, name) => (isTable(value) && Object.hasOwn(value, name) ? value[String(name)] : undefined), data);
}

/** What is at the path, or the table that lacks it. A list goes as a whole, so that the places of its elements stay what they are. */
function culprit(data: unknown, path: KeyPath): KeyPath {
  let length = path.length;
  const isKey = (parent: unknown) => isTable(parent) && !Array.isArray(parent) && Object.hasOwn(parent, String(path[length - 1]));
  while (length > 0 && !isKey(valueAt(data, path.slice(0, length - 1)))) length -= 1;
  if (length === 0) throw new Error(`the schema wants what nobody can write: ${path.join(".")}`);
  return path.slice(0, length);
}

/** What an element of a list gets for the time being that lacks a key, or has lost a wrong one: the list would go for it. */
const placeholders: ReadonlyMap<unknown, (path: KeyPath) => string> = new Map<unknown, (path: KeyPath) => string>([
  ["name", (path) => `without-name-${path.join("-")}`],
  ["rate", () => "1/1s"],
  ["if", () => "remote_port == 0"],
]);

function completed(data: unknown, path: KeyPath): boolean {
  const element = valueAt(data, path.slice(0, -1));
  const key = path.at(-1);
  const placeholder = placeholders.get(key);
  if (placeholder === undefined || typeof path.at(-2) !== "number" || !isTable(element) || String(key) in element) return false;
  element[String(key)] = placeholder(path);
  return true;
}

function leaveOut(data: unknown, path: KeyPath): void {
  const parent = valueAt(data, path.slice(0, -1));
  if (isTable(parent)) delete parent[String(path.at(-1))];
}
