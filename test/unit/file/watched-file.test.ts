import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";
import { appendFile, chmod, link, mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, it, test } from "vitest";
import { FileProblem } from "../../../src/file/file-problem.ts";
import { Files } from "../../../src/file/files.ts";
import type { Calendar, FileNews, WatchedFile } from "../../../src/file/watched-file.ts";

let folder: string;
let path: string;
let now: number;
let news: string[];
let files: Files;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "postern-watch-"));
});
afterAll(() => rm(folder, { recursive: true }));
beforeEach(async () => {
  await rm(folder, { recursive: true });
  await mkdir(folder);
  path = join(folder, "list");
  now = 0;
  news = [];
  files = openFiles();
});

function openFiles(calendar?: Calendar): Files {
  const onNews = (_: string, each: FileNews) => news.push(each.kind === "failed" ? each.problem.message.replace(path, "") : each.kind);
  return new Files(() => now, onNews, calendar);
}

/** Words as entries. */
const format = {
  create: (): string[] => [],
  add(content: string[], portion: Buffer, problem: (line: number, what: string) => void) {
    const words = portion
      .toString()
      .split(/\s+/)
      .filter((word) => word !== "");
    content.push(...words);
    if (words.includes("bad")) problem(1, "it is bad.");
    return words.length;
  },
};

async function open(text: string, needsEntries = true): Promise<WatchedFile<string[]>> {
  await writeFile(path, text);
  const file = files.watch({ name: "list", variant: "", path, format, needsEntries });
  await file.refresh();
  news = [];
  return file;
}

/** Looks as the daemon does; what it holds after so many seconds. */
async function look(seconds: number, file: WatchedFile<string[]>): Promise<string> {
  for (let second = 0; second < seconds; second++) {
    now += 1000;
    await file.refresh();
  }
  return `${file.content.join(" ")}${file.isCurrent ? "" : ", not current"}`;
}

async function replace(text: string): Promise<void> {
  await writeFile(`${path}.new`, text);
  // What is renamed within one tick of the file system's clock shows no trace of it.
  await utimes(`${path}.new`, 0, Date.now() / 1000 - 1);
  await rename(`${path}.new`, path);
}

describe("a change", () => {
  it("by renaming is taken at once", async () => {
    const file = await open("one two three");
    await replace("one");
    expect(await look(1, file)).toBe("one");
    expect(news).toEqual(["taken"]);
  });

  it("by renaming at once, which shows no trace, is taken at once when nothing is missing", async () => {
    const file = await open("one two");
    await writeFile(`${path}.new`, "one three four");
    await rename(`${path}.new`, path);
    expect(await look(1, file)).toBe("one three four");
    expect(news).toEqual(["taken"]);
  });

  it("by a new file that shows no trace of a name before, and has less, is one in place", async () => {
    const file = await open("one two three");
    await rename(path, `${path}.away`);
    await writeFile(path, "one two");
    expect(await look(10, file)).toBe("one two three, not current");
    expect(await look(1, file)).toBe("one two");
    expect(news).toEqual(["changing", "taken"]);
  });

  it("in place is taken when nothing more was written for ten seconds", async () => {
    const file = await open("one two");
    await writeFile(path, "one two three");
    expect(await look(9, file)).toBe("one two, not current");
    await appendFile(path, " four");
    expect(await look(10, file)).toBe("one two, not current");
    expect(await look(1, file)).toBe("one two three four");
    expect(await look(3, file)).toBe("one two three four");
    expect(news).toEqual(["changing", "taken"]);
  });

  it("that loses most entries is taken after a minute, and reported at once", async () => {
    const file = await open("one two three");
    await writeFile(path, "one");
    expect(await look(2, file)).toBe("one two three, not current");
    expect(news).toEqual(["changing", "lost"]);
    expect(await look(58, file)).toBe("one two three, not current");
    expect(await look(1, file)).toBe("one");
    expect(news).toEqual(["changing", "lost", "taken"]);
  });

  it("by a writer that goes on is not lost", async () => {
    const file = await open("one two three");
    await writeFile(path, "");
    await look(30, file);
    await writeFile(path, "one two");
    expect(await look(11, file)).toBe("one two");
  });

  it("to nothing is taken after a minute where entries are needed, even by renaming", async () => {
    const file = await open("one");
    await replace("");
    expect(await look(60, file)).toBe("one, not current");
    expect(await look(1, file)).toBe("");
  });

  it("back to what it was is none", async () => {
    const file = await open("one");
    await rename(path, `${path}.away`);
    expect(await look(1, file)).toBe("one, not current");
    await rename(`${path}.away`, path);
    expect(await look(1, file)).toBe("one");
    expect(news).toEqual([expect.stringContaining("ENOENT"), "restored"]);
  });
});

describe("the first contents", () => {
  const nothing = async () => {};
  let paused: number[];
  beforeEach(() => {
    paused = [];
  });

  /** Opens what was written so many milliseconds ago, and is written to while it is looked at. */
  async function openWritten(
    ageMs: number,
    meanwhile: () => Promise<unknown> = nothing,
    needsEntries = true,
  ): Promise<WatchedFile<string[]>> {
    files = openFiles({
      today: () => Number(statSync(path, { bigint: true }).mtimeNs / 1_000_000n) + ageMs,
      async pause(ms) {
        paused.push(ms);
        await meanwhile();
      },
    });
    await writeFile(path, "one two");
    const file = files.watch({ name: "list", variant: "", path, format, needsEntries });
    await file.refresh();
    return file;
  }

  it.each([
    ["written a second ago", 1000, []],
    ["written a moment ago, and no more within a second", 300, [700]],
    ["from the future, by a clock that is wrong", -5000, [1000]],
  ])("are all that there is: %s", async (_, ageMs, expected) => {
    const file = await openWritten(ageMs);
    expect(paused).toEqual(expected);
    expect(await look(0, file)).toBe("one two");
    expect(news).toEqual(["taken"]);
  });

  it("may be a part when they are written to while they are looked at", async () => {
    const file = await openWritten(0, () => appendFile(path, " three"));
    expect(news).toEqual(["writing", "taken"]);
    expect(await look(9, file)).toBe("one two three, not current");
    expect(await look(1, file)).toBe("one two three");
  });

  it("are not doubted any more when others are taken", async () => {
    const file = await openWritten(0, () => appendFile(path, " three"));
    expect(await look(1, file)).toBe("one two three, not current");
    await replace("one three");
    expect(await look(1, file)).toBe("one three");
  });

  it("that go on being written are taken when they are whole", async () => {
    const file = await openWritten(0, () => appendFile(path, " three"));
    expect(await look(3, file)).toBe("one two three, not current");
    await appendFile(path, " four");
    expect(await look(10, file)).toBe("one two three, not current");
    expect(await look(1, file)).toBe("one two three four");
  });

  it("of what needs no entries are doubted silently, and without any entry no longer than others", async () => {
    const file = await openWritten(0, () => appendFile(path, " three"), false);
    expect(news).toEqual(["taken"]);
    expect(await look(9, file)).toBe("one two three, not current");
    expect(await look(1, file)).toBe("one two three");
    files = openFiles();
    expect(await look(1, await open("", false))).toBe("");
  });

  it("are missing when the file goes away meanwhile", async () => {
    await expect(openWritten(0, () => rm(path))).rejects.toThrow(FileProblem);
  });

  it("of a file that was renamed are taken at once", async () => {
    files = openFiles({ today: Date.now, pause: () => expect.fail("it waits") });
    await replace("one two");
    const file = files.watch({ name: "list", variant: "", path, format, needsEntries: true });
    await file.refresh();
    expect(await look(0, file)).toBe("one two");
  });
});

test.each<[what: string, spoil: () => Promise<unknown>, reported: string]>([
  ["missing", () => rm(path), ": ENOENT"],
  ["a wrong line in place", () => writeFile(path, "bad two"), ":1: it is bad."],
  ["a wrong line by renaming", () => replace("bad two"), ":1: it is bad."],
  ["binary", () => replace("one\0two"), ": is not a text file"],
  ["a directory", () => rm(path).then(() => mkdir(path)), ": is not a regular file"],
  ["a FIFO", () => rm(path).then(() => execFileSync("mkfifo", [path])), ": is not a regular file"],
])("keeps what it has while it is %s, which is reported once", async (_, spoil, reported) => {
  const file = await open("one two");
  await spoil();
  expect(await look(100, file)).toBe("one two, not current");
  const warnings = news.filter((each) => each !== "changing");
  expect(warnings).toEqual([expect.stringContaining(reported)]);
  await rm(path, { recursive: true, force: true });
  await look(1, file);
  await writeFile(path, "one");
  expect(await look(1, file)).toBe("one two, not current");
  expect(await look(10, file)).toBe("one");
  expect(news.at(-1)).toBe("taken");
});

it("is read again when its mode changed", async () => {
  const file = await open("one");
  await chmod(path, 0o600);
  expect(await look(11, file)).toBe("one");
});

test.each<[what: string, change: () => Promise<unknown>, doubt: string]>([
  ["missing", () => rm(path), "cannot be read: ENOENT: no such file or directory"],
  ["no file", () => rm(path).then(() => mkdir(path)), "cannot be read: is not a regular file"],
  ["wrong", () => replace("bad two"), "has become wrong"],
  ["being written", () => appendFile(path, " three"), "is being written"],
  ["a link to itself", () => rm(path).then(() => symlink("list", path)), "cannot be read: ELOOP: too many symbolic links encountered"],
])("says why it is doubted: %s", async (_, change, doubt) => {
  const file = await open("one two");
  await change();
  await look(2, file);
  expect(file.doubt).toBe(doubt);
  await rm(path, { recursive: true, force: true });
  await look(1, file);
  expect(file.doubt).toBe("cannot be read: ENOENT: no such file or directory");
  await writeFile(path, "one two");
  await look(1, file);
  expect(file.doubt).toBe(undefined);
});

describe("what may mean other contents, and does not, is no news and no doubt", () => {
  test.each<[what: string, touch: () => Promise<unknown>]>([
    ["another mode", () => chmod(path, 0o600)],
    ["another link", () => link(path, `${path}.too`)],
    ["another time", () => utimes(path, 0, 0)],
    ["the same written again", () => writeFile(path, "one two")],
    ["the same in another file", () => replace("one two")],
    ["the same in a file that was deleted and written anew", () => rm(path).then(() => writeFile(path, "one two"))],
  ])("%s", async (_, touch) => {
    const file = await open("one two");
    await touch();
    expect(await look(1, file)).toBe("one two");
    expect(news).toEqual([]);
    await writeFile(path, "one two three");
    expect(await look(11, file)).toBe("one two three");
  });
});

describe("what is not known is doubted while it is read", () => {
  test.each<[what: string, change: (file: WatchedFile<string[]>) => Promise<unknown>, isDoubted: boolean]>([
    ["other contents of the same size, renamed", () => replace("two one"), true],
    ["other contents of the same size, in place", () => writeFile(path, "two one"), true],
    ["other contents, renamed", () => replace("two one three"), true],
    ["the same, renamed", () => replace("one two"), true],
    ["only another mode", () => chmod(path, 0o600), false],
    ["only another link", () => link(path, `${path}.too`), false],
    ["what was missing", (file) => comeBack(file), true],
    ["what was missing, with another time", (file) => comeBack(file).then(() => utimes(path, 0, 0)), true],
  ])("%s", async (_, change, isDoubted) => {
    let isReading = false;
    const add: typeof format.add = (...portion) => {
      isReading = true;
      return format.add(...portion);
    };
    await writeFile(path, "one two");
    const file = files.watch({ name: "list", variant: "", path, format: { ...format, add }, needsEntries: true });
    await file.refresh();
    await change(file);
    isReading = false;
    let isOver = false;
    const over = file.refresh().then(() => {
      isOver = true;
    });
    const seen = new Set<boolean>();
    while (!isOver) {
      if (isReading) seen.add(file.isCurrent);
      await setImmediate();
    }
    await over;
    expect([...seen]).toEqual([!isDoubted]);
  });

  async function comeBack(file: WatchedFile<string[]>): Promise<void> {
    await rename(path, `${path}.away`);
    await file.refresh();
    await rename(`${path}.away`, path);
  }
});

describe("other contents of the same size at the same time", () => {
  const at = 1_700_000_000;
  test.each<[what: string, change: () => Promise<unknown>, seconds: number]>([
    ["in place", () => writeFile(path, "two one"), 11],
    ["renamed", () => replace("two one"), 1],
    // The inode is that of the file before.
    ["deleted and written anew", () => rm(path).then(() => writeFile(path, "two one")), 11],
  ])("%s", async (_, change, seconds) => {
    await writeFile(path, "one two");
    await utimes(path, at, at);
    const file = files.watch({ name: "list", variant: "", path, format, needsEntries: true });
    await file.refresh();
    const { ctimeNs } = statSync(path, { bigint: true });
    await change();
    // The file system's clock has ticks of some milliseconds.
    do await utimes(path, at, at);
    while (statSync(path, { bigint: true }).ctimeNs === ctimeNs);
    expect(await look(seconds, file)).toBe("two one");
  });
});

describe("the same contents, written again every few seconds", () => {
  /** Seconds until the file says `after`; it is written in place every `period` seconds, and empty for `empty` of these. */
  async function secondsUntil(after: string, file: WatchedFile<string[]>, period: number, empty = 0): Promise<number> {
    for (let second = 0; second < 200; second += 1) {
      const at = second % period;
      if (at === 0 && empty > 0) await writeFile(path, "");
      if (at === empty) await writeFile(path, after);
      if ((await look(1, file)) === after) return second;
    }
    return expect.unreachable();
  }

  test.each<[what: string, after: string, period: number, empty: number, within: number]>([
    ["with more, each second", "one two three four", 1, 0, 12],
    ["with more, every four seconds", "one two three four", 4, 0, 11],
    ["with less, each second", "one", 1, 0, 62],
    ["with less, every thirty seconds", "one", 30, 0, 61],
    ["with less, and empty for a while each time", "one", 30, 3, 64],
    ["with less, and empty for a moment each time", "one", 30, 1, 62],
  ])("%s", async (_, after, period, empty, within) => {
    const file = await open("one two three");
    expect(await secondsUntil(after, file, period, empty)).toBeLessThanOrEqual(within);
    expect(news.filter((each) => each === "taken")).toEqual(["taken"]);
  });

  it("what is in use comes back", async () => {
    const file = await open("one two three");
    for (let round = 0; round < 5; round += 1) {
      await writeFile(path, "");
      expect(await look(3, file)).toBe("one two three, not current");
      await writeFile(path, "one two three");
      expect(await look(1, file)).toBe("one two three");
    }
    expect(news.slice(0, 3)).toEqual(["changing", "lost", "restored"]);
  });

  it("what is whole only for a moment does not make the empty file old", async () => {
    const file = await open("one two three");
    for (let round = 0; round < 5; round += 1) {
      await writeFile(path, "");
      expect(await look(50, file)).toBe("one two three, not current");
      await writeFile(path, "one");
      expect(await look(1, file)).toBe("one two three, not current");
    }
  });
});

describe("what has lost most entries, and is written again and again with another word", () => {
  /** Seconds until it is taken, of two minutes. */
  async function secondsUntilTaken(textOf: (second: number) => string | undefined): Promise<number | undefined> {
    const file = await open("one two three four five six");
    for (let second = 0; second < 120; second += 1) {
      const text = textOf(second);
      if (text !== undefined) await writeFile(path, text);
      await look(1, file);
      if (news.includes("taken")) return second;
    }
    return undefined;
  }

  const period = (seconds: number, text: (second: number) => string) => (second: number) =>
    second % seconds === 0 ? text(100 + second) : undefined;

  test.each<[what: string, textOf: (second: number) => string | undefined, expected: number | undefined]>([
    ["each minute", period(60, (word) => `one ${word}`), 70],
    ["each minute, after two seconds without", (second) => (second % 60 === 58 ? "" : period(60, (word) => `one ${word}`)(second)), 70],
    ["each twenty seconds", period(20, (word) => `one ${word}`), 70],
    // It may be a part each time.
    ["each twenty seconds, and longer each time", period(20, (word) => `one ${"x".repeat(word)}`), undefined],
    ["each two seconds", period(2, (word) => `one ${word}`), undefined],
  ])("%s", async (_, textOf, expected) => {
    expect(await secondsUntilTaken(textOf)).toBe(expected);
  });
});

describe("the first time", () => {
  it("a missing or wrong file is a problem", async () => {
    await expect(open("bad")).rejects.toThrow(new FileProblem(`${path}:1: it is bad.`));
    await rm(path);
    const file = files.watch({ name: "list", variant: "", path, format, needsEntries: true });
    await expect(file.refresh()).rejects.toThrow(/list: ENOENT/);
    expect(file.isCurrent).toBe(false);
  });

  it("a wrong file is a problem until it is mended, however often it is opened", async () => {
    const problem = new FileProblem(`${path}:1: it is bad.`);
    await expect(open("bad")).rejects.toThrow(problem);
    const file = files.watch({ name: "list", variant: "", path, format, needsEntries: true });
    await expect(file.refresh()).rejects.toThrow(problem);
    await expect(file.refresh()).rejects.toThrow(problem);
    await replace("good");
    await file.refresh();
    expect([file.content, file.isCurrent]).toEqual([["good"], true]);
  });

  it("an empty table is not trusted for a minute", async () => {
    const file = await open("");
    expect(await look(59, file)).toBe(", not current");
    expect(await look(1, file)).toBe("");
  });

  it("what is known is passed on", async () => {
    const file = await open("one two three");
    await writeFile(path, "one");
    const next = files.watch({ name: "list", variant: "", path, format, needsEntries: true });
    await next.refresh();
    expect(next.content).toEqual(file.content);
    expect(files.all()).toEqual([file]);
  });
});
