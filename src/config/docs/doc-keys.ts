/** The keys of the schema as people look them up: each with its meaning, type and default. */
import { z } from "zod";
import { schema } from "../schema/schema.ts";
import { below } from "../schema/walk.ts";

type Schema = z.core.$ZodType;

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

export function meaningOf(of: Schema): string {
  return of instanceof z.ZodType ? (of.meta()?.description ?? "") : "";
}

/** `seen`: variants share tables, which are told once. */
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
  if (!(of instanceof z.ZodDefault)) return undefined;
  return `\`${tomlOf(of.def.defaultValue)}\``;
}

function tomlOf(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "[]" : `[ ${value.map(tomlOf).join(", ")} ]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  return `{ ${Object.entries(value)
    .map(([name, part]) => `${name} = ${tomlOf(part)}`)
    .join(", ")} }`;
}
