/** All functions, by name. */
import { addressFunctions } from "./address-functions.ts";
import { arrayFunctions } from "./array-functions.ts";
import { dnsFunctions } from "./dns-functions.ts";
import type { AskFunction, PureFunction } from "./function.ts";
import { sourceFunctions } from "./source-functions.ts";
import { splitFunctions } from "./split-functions.ts";
import { sqlQuery } from "./sql-functions.ts";
import { textFunctions } from "./text-functions.ts";

export const pureFunctions: ReadonlyMap<string, PureFunction> = byName([
  ...arrayFunctions,
  ...textFunctions,
  ...splitFunctions,
  ...addressFunctions,
]);

export const askFunctions: ReadonlyMap<string, AskFunction> = byName([...sourceFunctions, sqlQuery, ...dnsFunctions]);

function byName<T extends { readonly name: string }>(records: readonly T[]): ReadonlyMap<string, T> {
  return new Map(records.map((record) => [record.name, record]));
}
