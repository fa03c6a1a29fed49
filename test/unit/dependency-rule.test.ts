/** src/README.md is true: which folders a folder imports from, which of them do no IO, and which files there are. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, normalize, sep } from "node:path";
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
  directory: [...core, "file", "store", "wire"],
  lookup: [...core, "file", "store"],
  dns: core,
  config: sources,
  frontend: [...core, "file", "wire"],
  daemon: [...sources, "config", "wire", "frontend"],
  cli: [...sources, "config", "wire", "frontend", "daemon"],
  "main.ts": ["cli"],
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

const readme = readFileSync(join(root, "README.md"), "utf8");

test("src/README.md has every folder, below those that it may import from", () => {
  const order = [...readme.matchAll(/^\| `([a-z]+)` \|/gm)].map(([, folder = ""]) => folder);
  expect(new Set(order)).toEqual(new Set(files.map(roomOf).filter((room) => !room.endsWith(".ts"))));
  for (const [index, folder] of order.entries()) {
    expect(mayImport[folder]?.filter((imported) => !order.slice(0, index).includes(imported))).toEqual([]);
  }
});

test("src/README.md names files and folders that exist", () => {
  const names = [...readme.matchAll(/`([a-z-]+(?:\/[a-z-]+)*(?:\.test)?(?:\.ts)?)`/g)].map(([, name = ""]) => name);
  const isThere = (name: string) =>
    name.includes("/")
      ? existsSync(join(root, name)) || existsSync(join(root, "..", name))
      : !name.endsWith(".ts") || files.some((file) => basename(file) === name);
  expect(names.filter((name) => !isThere(name))).toEqual([]);
});
