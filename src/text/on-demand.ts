/** Modules that few configurations need: loaded when they are first used, so that no command has to wait for them. */
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);

/** `T`: what the module exports. */
export function onDemand<T>(name: string): () => T {
  let loaded: T | undefined;
  return () => {
    // The types of the module are those of what it exports.
    loaded ??= loadModule(name) as T;
    return loaded;
  };
}

/** By this module, so that it is found here again without a look at its files. */
export function loadModule(name: string): unknown {
  return require(name);
}
