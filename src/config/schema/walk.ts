/** What is below a key of the schema, whatever default or option it is wrapped in. */
import { z } from "zod";

export type Schema = z.core.$ZodType;

type Below =
  | { readonly kind: "object"; readonly shape: Readonly<Record<string, Schema>> }
  | { readonly kind: "record"; readonly value: Schema }
  | { readonly kind: "list"; readonly element: Schema }
  /** A table whose keys depend on its `type`. */
  | { readonly kind: "variants"; readonly variants: ReadonlyMap<string, Readonly<Record<string, Schema>>> }
  | { readonly kind: "leaf" };

export function below(schema: Schema): Below {
  const bare = unwrapped(schema);
  if (bare instanceof z.ZodObject) return { kind: "object", shape: bare.shape };
  if (bare instanceof z.ZodRecord) return { kind: "record", value: bare.valueType };
  if (bare instanceof z.ZodArray) return { kind: "list", element: bare.element };
  if (bare instanceof z.ZodDiscriminatedUnion) {
    const objects = bare.options.filter((option) => option instanceof z.ZodObject);
    return { kind: "variants", variants: new Map(objects.map(({ shape }) => [String(shape.type.value), shape])) };
  }
  return { kind: "leaf" };
}

/** Whether a list of tables may be there. */
export function takesTables(root: Schema, path: readonly (string | number)[]): boolean {
  const found = path.reduce<readonly Schema[]>((schemas, name) => schemas.flatMap((schema) => entriesOf(schema, String(name))), [root]);
  return found.some((schema) => {
    const inside = below(schema);
    return inside.kind === "list" && ["object", "variants"].includes(below(inside.element).kind);
  });
}

/** What `name` may be in it: more than one thing, where that depends on a `type`. */
function entriesOf(schema: Schema, name: string): readonly Schema[] {
  const inside = below(schema);
  const ofShape = (shape: Readonly<Record<string, Schema>>) => (Object.hasOwn(shape, name) ? (shape[name] ?? []) : []);
  switch (inside.kind) {
    case "object":
      return [ofShape(inside.shape)].flat();
    case "variants":
      return [...inside.variants.values()].flatMap(ofShape);
    case "record":
      return [inside.value];
    case "list":
      return [inside.element];
    case "leaf":
      return [];
  }
}

function unwrapped(schema: Schema): Schema {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional) {
    return unwrapped(schema.def.innerType);
  }
  return schema;
}
