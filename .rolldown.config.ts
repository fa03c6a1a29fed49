/** The package as few files: to find, read and link hundreds of modules takes longer than all that a command does. */
import { cpSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "rolldown";

const noPrograms = "\0no programs";

/** `import` of a built-in module reads all of its exports: of `node:process` and `node:crypto` these take as long to load as a command. */
function builtinsAsTheyAre(code: string): string {
  const read = code.replace(/^import (?:([\w$]+)|\{([^}]*)\}) from "(node:[^"]+)";$/gm, (_, whole?: string, names = "", name = "") => {
    const bound = whole ?? `{${names.replaceAll(/([\w$]+) as ([\w$]+)/g, "$1: $2")}}`;
    return `const ${bound} = globalThis.process.getBuiltinModule("${name}");`;
  });
  const [other] = /^(?:im|ex)port .*"node:.*$/m.exec(read) ?? [];
  if (other !== undefined) throw new Error(`${other}: import the names, or the default, alone`);
  return read;
}

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
      name: "built-in modules",
      // Commander can start other programs as commands, of which there are none.
      resolveId: (source, importer) => (source === "node:child_process" && importer?.includes("/node_modules/commander/") ? noPrograms : undefined),
      load: (id) => (id === noPrograms ? "export default {};" : undefined),
      renderChunk: builtinsAsTheyAre,
    },
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
    codeSplitting: {
      groups: [
        { name: "commander", test: /commander|help-text|package\.json/, priority: 2 },
        { name: "core", test: /src\/(config\/load|daemon\/open-core|cli\/configuration-option|daemon\/read-only-state)\.ts$/, priority: 1 },
      ],
    },
  },
});
