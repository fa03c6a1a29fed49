/** SQL values to values of expressions and back. NULL is `''`, booleans are 1 and 0, as expressions have neither. */
import type { Value } from "../expr/value.ts";

/** What SQL is given for a value: lists are joined as text of expressions is. */
export function toParameter(value: Value): string | number {
  if (typeof value === "string" || typeof value === "number") return value;
  if ("constant" in value) return value.constant;
  return value.map(toParameter).join("\r\n");
}

/** Integers saturate at ±(2^53−1), the range of numbers in expressions. */
export function saturate(number: bigint | number): number {
  const value = Number(number);
  if (Number.isNaN(value)) return 0;
  return Math.min(Math.max(value, Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER);
}

/** A value as node:sqlite yields it; `isExact`: a number is a text with all its digits. */
export function fromSqlite(value: unknown, isExact = false): Value {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "bigint") return isExact ? String(value) : saturate(value);
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("utf8");
  return "";
}

const asText = (text: string): Value => text;
const asNumber = (text: string): Value => saturate(/^-?\d+$/.test(text) ? BigInt(text) : Number(text));

/** By the OID of the type (pg_type.dat): what is not here is the text that PostgreSQL writes. */
const fromPostgresql: ReadonlyMap<number, (text: string) => Value> = new Map([
  [16, (text) => (text === "t" ? 1 : 0)], // bool
  [17, (text) => Buffer.from(text.replace(/^\\x/, ""), "hex").toString("utf8")], // bytea
  [20, asNumber], // int8
  [21, asNumber], // int2
  [23, asNumber], // int4
  [26, asNumber], // oid
  [700, asNumber], // float4
  [701, asNumber], // float8
  [1700, asNumber], // numeric
]);

/** A value as the driver yields it with numbers beyond 32 bits, decimals and dates as text; `type`: that of its column in the protocol. */
export function fromMysql(value: unknown, type: number, isExact: boolean): Value {
  switch (type) {
    case 0: // MYSQL_TYPE_DECIMAL
    case 8: // MYSQL_TYPE_LONGLONG
    case 246: // MYSQL_TYPE_NEWDECIMAL
      return typeof value === "string" && !isExact ? asNumber(value) : fromSqlite(value, isExact);
    case 4: // MYSQL_TYPE_FLOAT, in the digits that it has
      return typeof value === "number" ? fromSqlite(Number(value.toPrecision(6)), isExact) : "";
    case 16: // MYSQL_TYPE_BIT
      return Buffer.isBuffer(value) ? fromSqlite(BigInt(`0x${value.toString("hex")}`), isExact) : "";
    default:
      return fromSqlite(value, isExact);
  }
}

export function parserOf(oid: number): (text: string) => Value {
  return fromPostgresql.get(oid) ?? asText;
}

/** Of a number, the text that PostgreSQL writes. */
export function exactParserOf(oid: number): (text: string) => Value {
  const parse = parserOf(oid);
  return parse === asNumber ? asText : parse;
}
