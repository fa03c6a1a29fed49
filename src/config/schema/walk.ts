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

function unwrapped(schema: Schema): Schema {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault || schema instanceof z.ZodOptional) {
    return unwrapped(schema.def.innerType);
  }
  return schema;
}
