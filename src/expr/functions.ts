/** The functions that ask nothing, by name. */
import { addressFunctions } from "./address-functions.ts";
import { arrayFunctions } from "./array-functions.ts";
import type { PureFunction } from "./function.ts";
import { splitFunctions } from "./split-functions.ts";
import { textFunctions } from "./text-functions.ts";

export const pureFunctions: ReadonlyMap<string, PureFunction> = new Map(
  [...arrayFunctions, ...textFunctions, ...splitFunctions, ...addressFunctions].map((record) => [record.name, record]),
);
