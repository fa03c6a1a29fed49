import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { FileProblem, type LineProblem, WatchedFile } from "../../../src/file/watched-file.ts";

let folder: string;
let path: string;
let states: [up: boolean, cause: string][];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "postern-watch-"));
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(() => {
  path = join(folder, "list");
  states = [];
});

function parse(text: string, problem: LineProblem): string {
  if (text.startsWith("bad")) problem(1, "it is bad.");
  return text;
}

const open = () => new WatchedFile("list", path, parse, (_, up, cause) => states.push([up, cause instanceof Error ? cause.message : ""]));

it("reads a change once two looks agree on it", async () => {
  await writeFile(path, "one");
  const file = open();
  expect([await file.refresh(), file.content]).toEqual([false, "one"]);
  await writeFile(path, "tw");
  expect([await file.refresh(), file.content]).toEqual([false, "one"]);
  await writeFile(path, "two, too");
  expect([await file.refresh(), file.content]).toEqual([false, "one"]);
  expect([await file.refresh(), file.content]).toEqual([true, "two, too"]);
  expect([await file.refresh(), file.content]).toEqual([false, "two, too"]);
  await writeFile(`${path}.new`, "2wo, too");
  await rename(`${path}.new`, path);
  await file.refresh();
  expect([await file.refresh(), file.content]).toEqual([true, "2wo, too"]);
  expect(states).toEqual([]);
});

it("keeps what it has while the file is missing, and tells once of that and of its return", async () => {
  await writeFile(path, "one");
  const file = open();
  await rename(path, `${path}.away`);
  for (const _ of [1, 2, 3]) expect([await file.refresh(), file.content]).toEqual([false, "one"]);
  expect(states).toEqual([[false, expect.stringContaining("ENOENT")]]);
  await rename(`${path}.away`, path);
  await file.refresh();
  await file.refresh();
  expect(states.slice(1)).toEqual([[true, ""]]);
});

it("keeps what it has while the file does not parse", async () => {
  await writeFile(path, "one");
  const file = open();
  await writeFile(path, "bad again");
  for (const _ of [1, 2, 3, 4]) expect([await file.refresh(), file.content]).toEqual([false, "one"]);
  expect(states).toEqual([[false, `${path}:1: it is bad.`]]);
  await writeFile(path, "better");
  await file.refresh();
  expect([await file.refresh(), file.content]).toEqual([true, "better"]);
  expect(states.slice(1)).toEqual([[true, ""]]);
});

it("does not open a file that is missing or bad", async () => {
  await writeFile(path, "bad");
  expect(open).toThrow(new FileProblem(path, [{ line: 1, what: "it is bad." }]));
  await rm(path);
  expect(open).toThrow(FileProblem);
  expect(open).toThrow(/list: ENOENT/);
});
