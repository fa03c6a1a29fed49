/** The package as few files: to find, read and link hundreds of modules takes longer than all that a command does. */
import { cpSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "rolldown";

export default defineConfig({
  // Besides the command line, what it starts as processes and threads: these look for each other in one folder, by these names.
  input: {
    main: "src/main.ts",
    "sqlite-process": "src/store/sqlite-process.ts",
    "checkpoint-thread": "src/state/sqlite/checkpoint-thread.ts",
    "archive-thread": "src/daemon/archive-thread.ts",
  },
  platform: "node",
  plugins: [
    {
      name: "console",
      // What the browser gets is served as it is.
      writeBundle: ({ dir = "dist" }) =>
        cpSync("src/frontend/http/console", join(dir, "console"), { recursive: true, filter: (path) => !path.endsWith(".json") }),
    },
  ],
  output: {
    dir: "dist",
    cleanDir: true,
    chunkFileNames: "[name].js",
    // V8 reads text within Latin-1 faster.
    charset: "ascii",
    comments: { legal: true, jsdoc: false, annotation: false },
  },
});
