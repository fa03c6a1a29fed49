/** A JSON Schema for editors of TOML and of JSON, made from the schema. */
import { z } from "zod";
import { throttleKeys } from "../../stage/stage-settings.ts";
import { aliases, camelCase } from "../check/keys.ts";
import { schema } from "../schema/schema.ts";

type Json = z.core.JSONSchema.JSONSchema;

const constant: Json = { type: ["string", "boolean", "number"] };
const rule: Json = {
  type: "object",
  properties: { if: constant, then: constant },
  required: ["if", "then"],
  additionalProperties: false,
};
const otherwise: Json = { type: "object", properties: { else: constant }, required: ["else"], additionalProperties: false };
const rules: Json = {
  description: "One expression; or a list of { if, then } with { else } at the end; or an object of match and else.",
  anyOf: [
    constant,
    { type: "array", items: { anyOf: [rule, otherwise] }, contains: otherwise, maxContains: 1 },
    {
      type: "object",
      properties: {
        match: {
          anyOf: [
            { type: "array", items: rule },
            { type: "object", additionalProperties: rule },
          ],
        },
        else: constant,
      },
      required: ["else"],
      additionalProperties: false,
    },
  ],
};

export function jsonSchema(): Json {
  const made = z.toJSONSchema(schema, {
    io: "input",
    override: ({ jsonSchema: json }) => {
      if ("stage" in json) json.$ref = "#/$defs/rules";
      const unset = "unset" in json ? ` Default: ${json.unset}.` : "";
      if (json.description !== undefined) json.description += unset;
      for (const key of ["stage", "yields", "unit", "unset"]) delete json[key];
      if (json.properties) json.properties = withOtherNames(json.properties);
    },
  });
  const properties = objectOf(made.properties);
  const session = objectOf(properties.session).properties;
  return {
    ...made,
    title: "Configuration of Postern",
    properties: { ...properties, store: withEmbedded(objectOf(properties).store ?? {}), ...objects(objectOf(session), properties) },
    $defs: { rules },
  };
}

/** `[store.embedded]` has neither type nor path to give. */
function withEmbedded(stores: Json): Json {
  const kinds = objectOf(stores.additionalProperties).oneOf;
  const [sqlite] = Array.isArray(kinds) ? kinds : [];
  const { type: _, path: __, ...properties } = objectOf(objectOf(sqlite).properties);
  return { ...stores, properties: { embedded: { type: "object", properties, additionalProperties: false } } };
}

type Properties = Readonly<Record<string, Json>>;

/** A part of the schema that is an object, as far as the types say. */
function objectOf(value: unknown): Readonly<Record<string, Json>> {
  if (typeof value !== "object" || value === null) throw new TypeError("not an object of JSON Schema");
  return value as Properties; // made from z.strictObject, whose parts are schemas
}

function withOtherNames<T>(properties: Readonly<Record<string, T>>): Record<string, T> {
  const all = Object.entries(properties).flatMap(([name, of]) => {
    const names = [name, ...Object.keys(aliases).filter((alias) => aliases[alias] === name)];
    return [...new Set([...names, ...names.map(camelCase)])].map((other) => [other, of]);
  });
  return Object.fromEntries(all);
}

function inboundThrottle(throttle: Json): Json {
  const properties = objectOf(throttle.properties);
  const { key = {}, rate = {} } = properties;
  const names = throttleKeys.flatMap((name) => [name, camelCase(name.replaceAll("_", "-"))]);
  const pair: Json = {
    type: "object",
    properties: { count: { type: "integer" }, period: { type: ["string", "integer"] } },
    required: ["count", "period"],
    additionalProperties: false,
  };
  return {
    ...throttle,
    properties: { ...properties, key: setOf({ ...key, items: { enum: [...new Set(names)] } }), rate: { anyOf: [rate, pair] } },
  };
}

/** A list, or the object that may stand for one. */
function setOf(list: Json): Json {
  return { anyOf: [list, { type: "object" }] };
}

function objects(session: Properties, top: Properties): Properties {
  const rcpt = objectOf(session.rcpt?.properties);
  const mail = objectOf(session.mail?.properties);
  const errors = objectOf(rcpt.errors?.properties);
  const text: Json = { type: "string" };
  const noted = (item: Json): Json => ({ ...item, properties: { id: text, description: text, ...objectOf(item.properties) } });
  const numbered = (item: Json): Json => ({ type: "object", patternProperties: { "^[0-9]+$": item }, additionalProperties: false });
  const list = (item: Json): Json => ({
    anyOf: [noted(item), { type: "array", items: noted(item) }, numbered(noted(item))],
  });
  const key = { namespace: text, key: text, isGlobPattern: { type: "boolean" } } satisfies Properties;
  const custom: Json = {
    type: "object",
    properties: { "@type": { enum: ["Enabled", "Disabled", "Custom"] }, customRule: { $ref: "#/$defs/rules" } },
    required: ["@type"],
    additionalProperties: false,
  };
  const domain = objectOf(top.domain).items as Json; // z.array has one schema for its items
  const domainProperties = objectOf(domain.properties);
  const subAddressing: Json = { anyOf: [custom, domainProperties.subAddressing ?? {}] };
  const { total = {}, wait = {} } = errors;
  return {
    MtaStageEhlo: noted(session.ehlo ?? {}),
    MtaStageAuth: noted(session.auth ?? {}),
    MtaStageMail: noted({ ...session.mail, properties: { ...mail, isSenderAllowed: mail.isAllowed ?? {} } }),
    MtaExtensions: noted(session.extensions ?? {}),
    MtaStageRcpt: noted({
      ...session.rcpt,
      properties: { ...rcpt, maxFailures: total, waitOnFail: wait, allowRelaying: rcpt.relay ?? {} },
    }),
    SieveSystemScript: list({
      type: "object",
      properties: { name: text, contents: text, isActive: { type: "boolean" } },
      required: ["name", "contents"],
      additionalProperties: false,
    }),
    MemoryLookupKey: list({ type: "object", properties: key, required: ["namespace", "key"], additionalProperties: false }),
    MemoryLookupKeyValue: list({
      type: "object",
      properties: { ...key, value: constant },
      required: ["namespace", "key", "value"],
      additionalProperties: false,
    }),
    Domain: list({ ...domain, properties: { ...domainProperties, aliases: setOf(domainProperties.aliases ?? {}), subAddressing } }),
    MtaInboundThrottle: list(inboundThrottle(objectOf(session.throttle).items as Json)), // z.array has one schema for its items
  };
}
