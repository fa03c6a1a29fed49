/** The dependency rule of src/README.md: which folders a folder imports from, and which of them do no IO. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, sep } from "node:path";
import { expect, test } from "vitest";

const words = ["text", "answer", "mail"];
const language = [...words, "expr", "sieve"];
const core = [...language, "stage"];
const sources = [...core, "file", "store", "state", "directory", "lookup", "dns"];

const mayImport: Readonly<Record<string, readonly string[]>> = {
  text: [],
  answer: ["text"],
  mail: ["text", "answer"],
  wire: words,
  expr: words,
  sieve: [...words, "expr"],
  stage: language,
  file: words,
  store: core,
  state: [...core, "store"],
  directory: [...core, "file", "store"],
  lookup: [...core, "file", "store"],
  dns: core,
  config: sources,
  frontend: [...core, "wire"],
  daemon: [...sources, "config", "wire", "frontend"],
  cli: [...sources, "config", "wire", "frontend", "daemon"],
  "main.ts": ["cli", "config"],
};

/** They take time and sources as arguments. */
const pure = [...core, "wire"];
const io = /^(?:node:(?:fs|net|dns|child_process|worker_threads|sqlite|timers|process|os)(?:\/.*)?|pg|pino)$/;

const root = join(import.meta.dirname, "../../src");
const files = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((file) => /(?<!\.d)\.ts$/.test(file));

const imports = files.flatMap((file) =>
  [...readFileSync(join(root, file), "utf8").matchAll(/(?:from |import\()"([^"]+)"/g)].map(([, name = ""]) => ({ file, name })),
);
const roomOf = (file: string) => file.split(sep)[0] ?? "";

test("every folder has its place in the rule", () => {
  expect(new Set(files.map(roomOf))).toEqual(new Set(Object.keys(mayImport)));
});

test("imports go only where the rule says", () => {
  const wrong = imports
    .filter(({ name }) => name.startsWith("."))
    .map(({ file, name }) => ({ file, from: roomOf(file), to: roomOf(normalize(join(dirname(file), name))) }))
    .filter(({ from, to }) => from !== to && to !== ".." && !mayImport[from]?.includes(to));
  expect(wrong).toEqual([]);
});

test("what is pure does no IO", () => {
  expect(imports.filter(({ file, name }) => pure.includes(roomOf(file)) && io.test(name))).toEqual([]);
});
