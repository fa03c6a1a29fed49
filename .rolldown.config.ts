/** The package as few files: to find, read and link hundreds of modules takes longer than all that a command does. */
import { cpSync } from "node:fs";
import { join } from "node:path";
import { defineConfig, type InputOptions } from "rolldown";

const noPrograms = "\0no programs";

/** `import` of a built-in module reads all of its exports: of `node:process` and `node:crypto` these take as long to load as a command. */
function builtinsAsTheyAre(code: string): string {
  const read = code.replace(/^import ([\w$]+)?(?:, )?(?:\{([^}]*)\})? from "(node:[^"]+)";$/gm, (_, whole?: string, names?: string, name = "") =>
    [whole, names && `{${names.replaceAll(/([\w$]+) as ([\w$]+)/g, "$1: $2")}}`]
      .filter((bound) => bound !== undefined)
      .map((bound) => `const ${bound} = globalThis.process.getBuiltinModule("${name}");`)
      .join(" "),
  );
  const [other] = /^(?:im|ex)port .*"node:.*$/m.exec(read) ?? [];
  if (other !== undefined) throw new Error(`${other}: import names, or the default`);
  return read;
}

/** Take long to load, and few commands call a function of them. */
const seldomUsed = ["node:crypto", "node:fs/promises", "node:http"];
const whenCalled = "\0when called: ";

/**
 * A module of functions, each of which loads the built-in one and calls that of the same name. It has no classes, and its functions have no
 * properties.
 */
function loadedWhenCalled(name: string): string {
  const functions = Object.entries(process.getBuiltinModule(name) ?? {}).filter(([each, value]) => typeof value === "function" && /^[a-z]/.test(each));
  const exported = functions.map(([each]) => `export const ${each} = (...values) => (loaded ??= load()).${each}(...values);`);
  return ["let loaded;", `const load = () => globalThis.process.getBuiltinModule("${name}");`, ...exported].join("\n");
}

const builtins = {
  name: "built-in modules",
  resolveId(source: string, importer = "", { kind }: { readonly kind: string }) {
    // Commander can start other programs as commands, of which there are none.
    if (source === "node:child_process" && importer.includes("/node_modules/commander/")) return noPrograms;
    const isOurs = kind === "import-statement" && importer.startsWith(join(import.meta.dirname, "src"));
    return isOurs && seldomUsed.includes(source) ? whenCalled + source : undefined;
  },
  load(id: string) {
    if (id === noPrograms) return "export default {};";
    return id.startsWith(whenCalled) ? loadedWhenCalled(id.slice(whenCalled.length)) : undefined;
  },
  renderChunk: builtinsAsTheyAre,
};

const browser = {
  name: "console",
  // What the browser gets is served as it is.
  writeBundle: ({ dir = "dist" }) =>
    cpSync("src/frontend/http/console", join(dir, "console"), { recursive: true, filter: (path) => !path.endsWith(".json") }),
};

const output = {
  dir: "dist",
  chunkFileNames: "[name].js",
  // V8 reads text within Latin-1 faster.
  charset: "ascii",
  comments: { legal: true, jsdoc: false, annotation: false },
} as const;

/** What a package warns of, such as an import of what is not there, must not be shipped. */
const onLog: InputOptions["onLog"] = (level, log, handle) => handle(level === "warn" ? "error" : level, log);

/** A filter of OpenSMTPD runs for as long as its smtpd, and needs nothing else of a configuration. */
const ofFilter = ["config/schema/values.ts", "mail/path.ts", "frontend/say-once.ts", "text/error-message.ts", "wire/protocol-error.ts"];

/** What the command line and each command need: not the command line itself, which is under way when it loads a command. */
const ofCommandLine = /\/node_modules\/commander\/|\/src\/cli\/help-text\.ts$|\/package\.json$|^\0(?:no programs$|rolldown\/)/;

/** A file of these modules, and of what they need that is in no file of a higher priority. */
function file(name: string, priority: number, ...modules: readonly string[]) {
  const ids = new Set(modules.map((module) => join(import.meta.dirname, "src", module)));
  return { name, priority, test: (id: string) => ids.has(id) };
}

export default defineConfig([
  {
    input: "src/main.ts",
    platform: "node",
    onLog,
    plugins: [builtins, browser],
    output: {
      ...output,
      cleanDir: true,
      codeSplitting: {
        groups: [
          // What commands have in common. To find a file takes as long as to compile 10 KB of it.
          { name: "commander", priority: 6, test: (id: string) => ofCommandLine.test(id) },
          file("values", 5, ...ofFilter),
          file("configuration", 4, "cli/configuration-option.ts", "daemon/message-of.ts"),
          file("state", 3, "state/open-state.ts"),
          file("session", 2, "frontend/policy/policy.ts"),
          file("daemon", 1, "daemon/daemon.ts", "daemon/log.ts"),
        ],
      },
    },
  },
  // What it starts as processes and threads, in the same folder by these names: each is a file that needs no other.
  ...["src/store/sqlite-process.ts", "src/state/sqlite/checkpoint-thread.ts", "src/daemon/archive-thread.ts"].map((input) => ({
    input,
    platform: "node" as const,
    onLog,
    plugins: [builtins],
    output: { ...output, codeSplitting: false },
  })),
]);
