/** Preloaded by `node --import`: at the exit of the process writes the addresses of all modules that it loaded to the file `LOADED_MODULES`. */
import { writeFileSync } from "node:fs";
import { registerHooks } from "node:module";

const loaded: string[] = [];

registerHooks({
  load(url, context, nextLoad) {
    loaded.push(url);
    return nextLoad(url, context);
  },
});

process.on("exit", () => {
  const file = process.env.LOADED_MODULES;
  if (file !== undefined) writeFileSync(file, loaded.join("\n"));
});
