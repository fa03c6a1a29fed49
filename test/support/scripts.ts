/** Scripts as the configuration would compile them, for tests of the stages and front ends. */
import { compileScript } from "../../src/sieve/compile/compile-scripts.ts";
import { defaultLimits } from "../../src/sieve/limits.ts";
import type { Script } from "../../src/sieve/script.ts";
import { environmentNames } from "../../src/stage/script-environment.ts";

const names = { directories: new Map(), lookups: new Map(), stores: new Set(["embedded"]), dnsLists: new Map() };

/** Few, so that a loop ends soon. */
const limits = { ...defaultLimits, instructions: 10_000 };

export function scriptsOf(sources: Readonly<Record<string, string>>): ReadonlyMap<string, Script> {
  const vocabulary = {
    environment: environmentNames,
    names,
    source: () => undefined,
    limits,
    subAddressing: "separator",
    mustRequire: false,
  } as const;
  return new Map(
    Object.entries(sources).map(([name, source]) => {
      const { script, problems } = compileScript(name, source, vocabulary);
      if (script === undefined) throw new Error(problems.map(({ line, message }) => `${line}: ${message}`).join("\n"));
      return [name, script];
    }),
  );
}
