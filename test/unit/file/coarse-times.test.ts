/** A file on a file system that keeps whole seconds, where what is written twice in one of them looks the same. */
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { Files } from "../../../src/file/files.ts";
import type { WatchedFile } from "../../../src/file/watched-file.ts";

/** What the file system says is the time of all that is done, in seconds. */
const fileSystem = vi.hoisted(() => ({ seconds: 0n }));

vi.mock("../../../src/file/read-file.ts", async (original) => {
  const actual = await original<typeof import("../../../src/file/read-file.ts")>();
  const statFile = async (path: string) => {
    const time = fileSystem.seconds * 1_000_000_000n;
    return { ...(await actual.statFile(path)), mtimeNs: time, ctimeNs: time, birthtimeNs: 0n };
  };
  return { ...actual, statFile };
});

let folder: string;
let path: string;
let now: number;
let reads: number;
let files: Files;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "postern-coarse-"));
  path = join(folder, "list");
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(async () => {
  [now, reads, fileSystem.seconds] = [0, 0, 1000n];
  await rm(path, { force: true });
  files = new Files(
    () => now,
    () => {},
    { today: () => 1_000_000 + now, pause: async () => {} },
  );
});

/** The text is the entry. */
const format = {
  create: (): string[] => [],
  add(content: string[], portion: Buffer, problem: (line: number, what: string) => void) {
    reads += 1;
    const text = portion.toString();
    if (text === "bad") problem(1, "it is bad.");
    content.push(text);
    return 1;
  },
};

async function open(): Promise<WatchedFile<string[]>> {
  await writeFile(path, "one");
  const file = files.watch({ name: "list", variant: "", path, format, needsEntries: true });
  await file.refresh();
  return file;
}

/** What it holds after so many looks, one each second. */
async function look(seconds: number, file: WatchedFile<string[]>): Promise<string> {
  for (let second = 0; second < seconds; second += 1) {
    now += 1000;
    await file.refresh();
  }
  return `${file.content}${file.isCurrent ? "" : ", not current"}`;
}

async function replace(text: string): Promise<void> {
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}

test.each<[what: string, first: ((file: WatchedFile<string[]>) => Promise<unknown>) | undefined]>([
  ["after the first contents", undefined],
  ["in place after it was written in place", () => writeFile(path, "six")],
  ["in place after it was replaced", () => replace("six")],
  ["in place after it became wrong", () => writeFile(path, "bad")],
])("what is written in the second in which it was read is read: %s", async (_, first) => {
  const file = await open();
  if (first !== undefined) {
    await look(30, file);
    fileSystem.seconds += 30n;
    await first(file);
    await look(1, file);
  }
  await writeFile(path, "two");
  await look(3, file);
  expect(file.isCurrent).toBe(false);
  expect(await look(12, file)).toBe("two");
});

test("it is read once more, and not at all when it is old", async () => {
  const file = await open();
  expect(await look(1, file)).toBe("one");
  expect(reads).toBe(1);
  expect(await look(30, file)).toBe("one");
  expect(reads).toBe(2);
  now += 100_000;
  const other = files.watch({ name: "other", variant: "", path, format, needsEntries: true });
  expect(await look(30, other)).toBe("one");
  expect(reads).toBe(3);
});
