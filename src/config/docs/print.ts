/** The whole configuration as it was understood, as TOML that can be loaded again; passwords and keys are masked. */
import type { z } from "zod";
import type { Configuration } from "../configuration.ts";
import type { Normalised } from "../normalise.ts";
import { schema } from "../schema/schema.ts";

const mask = "********";

/** Back to what a file has, with the keys in the order of the schema. */
const written: z.ZodType = schema;

export function renderConfiguration(configuration: Configuration): string {
  const document = printedDocument(configuration);
  return isTable(document) ? `${[...tableLines([], document)].join("\n")}\n` : "";
}

/** What is printed, as data. */
export function printedDocument({ normalised }: Configuration): unknown {
  const store = Object.fromEntries(Object.entries(normalised.store).map(([name, each]) => [name, masked(each)]));
  const directory = Object.fromEntries(Object.entries(normalised.directory).map(([name, each]) => [name, maskedDirectory(each)]));
  const dnsLists = Object.fromEntries(Object.entries(normalised["dns-list"]).map(([name, each]) => [name, withoutKey(each)]));
  return written.encode({ ...normalised, store, directory, "dns-list": dnsLists });
}

function masked(store: Normalised["store"][string]): Normalised["store"][string] {
  if (store.type === "sqlite") return store;
  const { url, password } = store;
  return { ...store, url: url && { ...url, written: withoutPassword(url.written) }, password: password === undefined ? undefined : mask };
}

function maskedDirectory(directory: Normalised["directory"][string]): Normalised["directory"][string] {
  return directory.type === "ldap" && directory["bind-password"] !== undefined ? { ...directory, "bind-password": mask } : directory;
}

/** A zone that is one customer's has a long label for that, which nobody would choose for a name. */
function withoutKey(list: Normalised["dns-list"][string]): Normalised["dns-list"][string] {
  return { ...list, zone: list.zone.replace(/[^.]{16,}/g, "masked") };
}

function withoutPassword(text: string): string {
  const url = new URL(text);
  if (url.password !== "") url.password = mask;
  if (url.searchParams.has("password")) url.searchParams.set("password", mask);
  return url.href;
}

/** Plain keys first, then the tables below. */
function* tableLines(path: readonly string[], table: object): Generator<string> {
  const entries = Object.entries(table).filter(([, value]) => value !== undefined);
  const plain = entries.filter(([, value]) => !isTable(value));
  const tables = entries.filter(([, value]) => isTable(value));
  if (path.length > 0 && (plain.length > 0 || tables.length === 0)) yield `\n[${path.map(keyText).join(".")}]`;
  for (const [name, value] of plain) yield `${keyText(name)} = ${valueText(value, true)}`;
  for (const [name, value] of tables) yield* tableLines([...path, name], value);
}

/** An inline table must not have line ends, the list around it may: there each rule has a line of its own. */
export function valueText(value: unknown, mayBreak: boolean): string {
  if (typeof value === "string") return stringText(value);
  if (Array.isArray(value)) {
    const items = value.map((item) => valueText(item, false));
    return mayBreak && value.some(isTable) ? `[\n${items.map((item) => `  ${item},\n`).join("")}]` : `[${items.join(", ")}]`;
  }
  if (isTable(value)) {
    const pairs = Object.entries(value).filter(([, part]) => part !== undefined);
    return `{ ${pairs.map(([name, part]) => `${keyText(name)} = ${valueText(part, false)}`).join(", ")} }`;
  }
  return String(value);
}

function isTable(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function keyText(name: string): string {
  return /^[\w-]+$/.test(name) ? name : stringText(name);
}

/** A literal string where it spares escapes. */
function stringText(text: string): string {
  if (/["\\]/.test(text) && !/['\p{Cc}]/u.test(text)) return `'${text}'`;
  return JSON.stringify(text.toWellFormed()).replaceAll("\u007f", "\\u007f");
}
