/** Measurements, one after the other: `npm run bench -- NAME… --json FILE`. README.md says what they measure. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

interface Bench {
  /** Takes several minutes, and is measured only when it is named. */
  readonly isLong?: boolean;
  /** Prints the figures, and returns them where they are of use to a program. */
  readonly run: () => unknown;
}

const benches: Readonly<Record<string, Bench>> = {
  policy: { run: async () => (await import("./policy.ts")).benchPolicy() },
  greylist: { run: async () => (await import("./greylist.ts")).benchGreylist() },
  milter: { run: async () => (await import("./milter.ts")).benchMilter() },
  socketmap: { run: async () => (await import("./socketmap.ts")).benchSocketmap() },
  pieces: { run: async () => (await import("./pieces.ts")).benchPieces() },
  memory: { run: async () => (await import("./memory.ts")).benchMemory() },
  lookup: { run: async () => (await import("./lookup.ts")).benchLookup() },
  sieve: { run: async () => (await import("./sieve.ts")).benchSieve() },
  startup: { run: async () => (await import("./startup.ts")).benchStartup() },
  state: { isLong: true, run: async () => (await import("./state.ts")).benchState() },
  "state-path": { isLong: true, run: async () => (await import("./state-path.ts")).benchStatePath() },
  soak: { isLong: true, run: async () => (await import("./soak.ts")).benchSoak() },
};

const { values, positionals } = parseArgs({ options: { json: { type: "string" }, files: { type: "string" } }, allowPositionals: true });
const unknown = positionals.find((name) => !Object.hasOwn(benches, name));
if (unknown !== undefined) {
  console.error(`There is no bench "${unknown}". Name some of ${Object.keys(benches).join(", ")}, or none for all that are short.`);
  process.exit(64);
}

if (values.files !== undefined) {
  (await import("./load/files.ts")).writeFiles(values.files);
  process.exit();
}

// The package is measured, as it is installed.
const root = join(import.meta.dirname, "../..");
execFileSync(process.execPath, ["node_modules/rolldown/bin/cli.mjs", "-c", ".rolldown.config.ts"], { cwd: root });

const figures: Record<string, unknown> = {};
for (const [name, { isLong, run }] of Object.entries(benches)) {
  if (positionals.length === 0 ? isLong : !positionals.includes(name)) continue;
  console.log(`## ${name}\n`);
  figures[name] = await run();
  console.log();
}
if (values.json !== undefined) {
  const [{ model } = { model: "unknown" }] = cpus();
  const machine = { cpu: model, cores: cpus().length, node: process.version };
  writeFileSync(values.json, `${JSON.stringify({ taken: new Date().toISOString(), machine, figures }, undefined, 2)}\n`);
}
