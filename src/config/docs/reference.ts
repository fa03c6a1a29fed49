/** The reference of all keys for people, made from the schema. */

import { z } from "zod";
import { environmentNames } from "../../stage/script-environment.ts";
import { variablesOf } from "../../stage/vocabulary.ts";
import { schema } from "../schema/schema.ts";
import { below, type Schema } from "../schema/walk.ts";
import { valueText } from "./print.ts";

const introduction = `# Configuration reference

Made from the schema; do not edit. A configuration is one file of TOML or of JSON (by its name, \`.json\`, or because it begins with \`{\`).
\`postern check\` reports everything that is wrong with one, \`postern check --print\` prints it with all defaults.

- Paths are relative to the folder of the configuration file; \`server.state-directory\` is relative to the working directory.
- A duration is a number and one unit, \`d\`, \`h\`, \`m\`, \`s\` or \`ms\`: \`"30s"\`; at most a hundred years, \`"36500d"\`.
- *Rules* are one expression (\`"local_port == 25"\`, \`true\`, \`25\`) or a list of them, of which the first whose \`if\` is true applies:
  \`[ { if = "local_port == 25", then = true }, { else = false } ]\`. Text needs inner quotes: \`"'accounts'"\`.
- In a basic string of TOML an escape that TOML lacks is taken as it is, with a warning; better write \`\\\\.\` or a literal string, \`'\\.'\`.
- In JSON keys may be written in camelCase. There the objects \`MtaStageEhlo\`, \`MtaStageAuth\`, \`MtaStageMail\` (with \`isSenderAllowed\` for
  \`is-allowed\`), \`MtaExtensions\` and \`MtaStageRcpt\` (with \`maxFailures\` for \`errors.total\`, \`waitOnFail\` for \`errors.wait\`, \`allowRelaying\`
  for \`relay\`) are other names of \`session.ehlo\`, \`session.auth\`, \`session.mail\`, \`session.extensions\` and \`session.rcpt\`; \`MemoryLookupKey\` {namespace, key, isGlobPattern?} and \`MemoryLookupKeyValue\` (with value) are entries of
  \`lookup\`, \`SieveSystemScript\` {name, contents, isActive?} is one of \`sieve.trusted.scripts\`, \`Domain\` is \`domain\`, \`MtaInboundThrottle\` is \`session.throttle\` (its keys also \`remoteIp\`, its rate also {count, period});
  each is one object or a list, which may have an \`id\` and a \`description\`; \`{"0": …}\` stands for a list, \`{"a": true}\` for a set. Rules are \`{"match": [{"if", "then"}], "else"}\`.
- \`subaddressing\` is another name of \`sub-addressing\`, \`require-tls\` of \`requiretls\`.
`;

export function renderReference(): string {
  const tables = Map.groupBy(describedKeys(), ({ table, variant = "" }) => `${table} ${variant}`);
  const introduced = new Set<string>();
  const sections = [...tables.values()].map((keys) => `${headingOf(keys)}\n\n${introOf(keys, introduced)}${tableOf(keys)}`);
  const variables = stages.map(([stage, where]) => `- ${where}: ${[...variablesOf[stage].keys()].map(code).join(", ")}`);
  const items = `## Environment of scripts\n\n\`\${env.NAME}\`, or the test \`environment\`: ${[...environmentNames].map(code).join(", ")}.\n`;
  return `${introduction}\n${sections.join("\n")}\n${lookup}\n## Variables of rules\n\n${variables.join("\n")}\n\n${items}`;
}

const stages: readonly (readonly [keyof typeof variablesOf, string])[] = [
  ["ehlo", "`session.ehlo.*`"],
  ["mail", "`session.extensions.*`, `session.mail.*`, `session.rcpt.max-recipients`, `session.rcpt.errors.*`"],
  ["rcpt", "other settings of `session.rcpt`, `session.throttle[].match`"],
  ["address", "`sub-addressing` and `catch-all`"],
];

const lookup = `## [lookup.&lt;name&gt;]

${meaningOf(schema.shape.lookup)} Keys are compared in lower case.
`;

function headingOf([first]: readonly DescribedKey[]): string {
  const { table = "", variant } = first ?? {};
  const header = table.endsWith("[]") ? `[[${table.slice(0, -2)}]]` : `[${table}]`;
  const text = header.replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return `## ${text}${variant === undefined ? "" : `, ${code(`type = "${variant}"`)}`}`;
}

/** What a table of the top is for, before the first of its kind. */
function introOf([first]: readonly DescribedKey[], introduced: Set<string>): string {
  const top = first?.table.replace(/[.[].*/, "") ?? "";
  const of = Object.entries(schema.shape).find(([name]) => name === top)?.[1];
  if (of === undefined || introduced.has(top)) return "";
  introduced.add(top);
  const meaning = meaningOf(of);
  return meaning === "" ? "" : `${meaning}\n\n`;
}

function tableOf(keys: readonly DescribedKey[]): string {
  const rows = keys.map(({ name, meaning, type, default: fallback }) => [code(name), meaning, type, fallback ?? "*required*"]);
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |\n`;
  return `${line(["key", "meaning", "type", "default"])}|---|---|---|---|\n${rows.map(line).join("")}`;
}

function code(text: string): string {
  return `\`${text}\``;
}

export interface DescribedKey {
  /** `<name>` stands for a name that the file gives, `[]` for each element of a list. */
  readonly table: string;
  /** The `type` of the table that has this key. */
  readonly variant: string | undefined;
  readonly name: string;
  readonly meaning: string;
  readonly type: string;
  /** As TOML writes it, or in words; `undefined`: the key must be given. */
  readonly default: string | undefined;
}

export function describedKeys(): readonly DescribedKey[] {
  return [...keysIn(schema, "", new Set())];
}

function meaningOf(of: Schema): string {
  return of instanceof z.ZodType ? (of.meta()?.description ?? "") : "";
}

/** `seen`: variants share tables, which are listed once. */
function* keysIn(of: Schema, table: string, seen: Set<Schema>): Generator<DescribedKey> {
  if (seen.has(of)) return;
  seen.add(of);
  const inside = below(of);
  switch (inside.kind) {
    case "leaf":
      return;
    case "record":
      yield* keysIn(inside.value, `${table}.<name>`, seen);
      return;
    case "list":
      yield* keysIn(inside.element, `${table}[]`, seen);
      return;
    case "object":
      yield* objectKeys(inside.shape, table, undefined, seen);
      return;
    case "variants":
      for (const [type, shape] of inside.variants) yield* objectKeys(shape, table, type, seen);
  }
}

function* objectKeys(
  shape: Readonly<Record<string, Schema>>,
  table: string,
  variant: string | undefined,
  seen: Set<Schema>,
): Generator<DescribedKey> {
  const entries = Object.entries(shape);
  for (const [name, of] of entries) {
    if (table !== "" && isPlain(of)) yield { table, variant, name, meaning: meaningOf(of), type: typeOf(of), default: defaultOf(of) };
  }
  for (const [name, of] of entries) yield* keysIn(of, table === "" ? name : `${table}.${name}`, seen);
}

/** Neither a table nor tables by name: it has a value of its own. */
function isPlain(of: Schema): boolean {
  const { kind } = below(of);
  return kind === "leaf" || kind === "list";
}

function typeOf(of: Schema): string {
  const meta = of instanceof z.ZodType ? of.meta() : undefined;
  if (typeof meta?.yields === "string") return `rules: ${meta.yields}`;
  if (typeof meta?.unit === "string") return meta.unit;
  if (of instanceof z.ZodDefault || of instanceof z.ZodOptional || of instanceof z.ZodPrefault) return typeOf(of.def.innerType);
  if (of instanceof z.ZodEnum || of instanceof z.ZodLiteral) {
    const values = of instanceof z.ZodEnum ? of.options : [...of.values];
    return values.map((value) => `\`"${value}"\``).join(" or ");
  }
  if (of instanceof z.ZodArray) return `list of ${below(of.element).kind === "object" ? "tables" : "strings"}`;
  if (of instanceof z.ZodNumber) return "number";
  if (of instanceof z.ZodBoolean) return "true or false";
  return "string";
}

function defaultOf(of: Schema): string | undefined {
  const meta = of instanceof z.ZodType ? of.meta() : undefined;
  if (typeof meta?.unset === "string") return meta.unset;
  if (!(of instanceof z.ZodDefault || of instanceof z.ZodPrefault)) return undefined;
  return code(valueText(of.def.defaultValue, false));
}
