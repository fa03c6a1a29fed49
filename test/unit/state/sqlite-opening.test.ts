/** A state.sqlite that cannot be opened, or is broken: when it is tried again, and what becomes of it. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TemporaryError } from "../../../src/answer/temporary-error.ts";
import { openState } from "../../../src/state/open-state.ts";
import { Opening } from "../../../src/state/sqlite/opening.ts";
import type { StateStore } from "../../../src/state/state-store.ts";
import { greylistQuestion, start } from "../../support/state-question.ts";
import { sqliteSettings } from "../../support/stores.ts";

let folder: string;
let path: string;
let time: number;
let reports: string[];
let open: StateStore[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "postern-opening-"));
  path = join(folder, "state.sqlite");
  time = start;
  reports = [];
  open = [];
});
afterEach(async () => {
  await Promise.all(open.map((state) => state.close()));
  rmSync(folder, { recursive: true });
});

function openTest({ replacesBroken = true, timeoutMs = 500 } = {}): StateStore {
  const onAvailability = (_: string, up: boolean, cause: unknown) => reports.push(up ? "up" : String(cause));
  const state = openState(sqliteSettings(path, { timeoutMs }), { now: () => time, replacesBroken, onAvailability });
  open.push(state);
  return state;
}

const ask = (state: StateStore, sender = "jane@example.org") =>
  Promise.resolve(state.greylist(greylistQuestion({ sender }))).then(
    ({ kind }) => kind,
    (error) => (error instanceof TemporaryError ? "temporary" : String(error)),
  );

async function written(count: number): Promise<void> {
  const state = openTest();
  await Promise.all(Array.from({ length: count }, (_, index) => state.greylist(greylistQuestion({ sender: `${index}@example.org` }))));
  await state.close();
}

const aside = () => readdirSync(folder).filter((name) => /^state\.sqlite\.broken-\d{8}T\d{6}Z$/.test(name));

const broken: readonly (readonly [how: string, breakFile: () => void | Promise<void>])[] = [
  ["garbage", () => writeFileSync(path, Buffer.alloc(20_000, "not a database "))],
  [
    "half of a file",
    async () => {
      await written(2000);
      truncateSync(path, statSync(path).size / 2);
    },
  ],
  [
    "a file with garbage after its first page",
    async () => {
      await written(2000);
      writeFileSync(path, readFileSync(path).fill("x", 4096));
    },
  ],
  [
    "a file whose header is garbage",
    async () => {
      await written(1);
      writeFileSync(path, readFileSync(path).fill("x", 0, 100));
    },
  ],
  ...["{}", "[", "[7]", '[["g"]]', '[["gonly-one",1,2,null,3]]', '[["aclient",1,2,1e300]]', '[["xkey",1]]'].map(
    (rows) => [`a record that was never written: ${rows}`, () => changed("UPDATE recent SET rows = ?", rows)] as const,
  ),
];

async function changed(sql: string, ...parameters: readonly string[]): Promise<void> {
  await written(1);
  const database = new DatabaseSync(path);
  database.prepare(sql).run(...parameters);
  database.close();
}

describe("a broken file", () => {
  it.each(broken)("is moved aside, and a new one begun: %s", async (_, breakFile) => {
    await breakFile();
    const before = readFileSync(path);
    const state = openTest();
    const asked = await Promise.all(Array.from({ length: 50 }, (_, index) => ask(state, `${index}`)));
    expect(new Set(asked)).toEqual(new Set(["temporary"]));
    time += 1000;
    expect(await ask(state)).toBe("wait");
    const [name = ""] = aside();
    expect(aside()).toHaveLength(1);
    expect(readFileSync(join(folder, name)).equals(before)).toBe(true);
    expect(reports).toEqual([expect.stringContaining(`moved to ${join(folder, name)}`), "up"]);
    expect(await state.triplet(greylistQuestion({ sender: "jane@example.org" }))).toMatchObject({ firstSeen: start });
  });

  it.each(broken)("stays where it is if it is not to be replaced, and is tried at growing intervals: %s", async (_, breakFile) => {
    await breakFile();
    const before = readFileSync(path);
    const state = openTest({ replacesBroken: false });
    for (let second = 0; second <= 4; second++) {
      expect(await ask(state)).toBe("temporary");
      time += 1000;
    }
    expect(aside()).toEqual([]);
    expect(readFileSync(path).equals(before)).toBe(true);
    for (const name of readdirSync(folder)) rmSync(join(folder, name));
    // The tries are after 1, 3 and 7 seconds.
    for (const expected of ["temporary", "temporary", "wait"]) {
      expect(await ask(state)).toBe(expected);
      time += 1000;
    }
    expect(reports).toEqual([expect.not.stringContaining("moved"), "up"]);
  });

  it("is moved aside when it is found to be broken in the background", async () => {
    await changed("INSERT INTO greylist VALUES ('c', 's', 'r', 1 << 60, 1 << 60, NULL, 1 << 60)");
    const state = openTest();
    expect(await ask(state)).toBe("wait");
    // This question begins to read the tables into memory.
    expect(await ask(state)).toBe("temporary");
    expect(aside()).toHaveLength(1);
    time += 1000;
    expect(await ask(state)).toBe("wait");
    expect(reports).toEqual([expect.stringContaining("too large"), "up"]);
  });

  it("stays where it is for who only administers it", async () => {
    writeFileSync(path, Buffer.alloc(20_000, "not a database "));
    const state = openTest({ replacesBroken: false });
    expect(await ask(state)).toBe("temporary");
    await expect(state.stats(start)).rejects.toThrow(TemporaryError);
    expect(readdirSync(folder)).toEqual(["state.sqlite"]);
  });

  it("is not moved aside again and again, when each new one is broken, too", async () => {
    const state = openTest();
    for (let second = 0; second < 59; second++) {
      writeFileSync(path, Buffer.alloc(20_000, "not a database "));
      expect(await ask(state)).toBe("temporary");
      time += 1000;
    }
    expect(aside()).toHaveLength(1);
  });
});

describe("a file that cannot be opened", () => {
  it("is tried after 1, 2, 4 … 60 seconds, when somebody asks", () => {
    mkdirSync(path);
    const opening = new Opening(path, { now: () => time, replacesBroken: true });
    const tried: number[] = [];
    let last: unknown;
    for (let second = 0; second < 250; second++) {
      try {
        opening.open();
      } catch (error) {
        if (error !== last) tried.push(second);
        last = error;
      }
      time += 1000;
    }
    expect(tried).toEqual([0, 1, 3, 7, 15, 31, 63, 123, 183, 243]);
    // A clock that was set back does not keep it shut.
    time = start - 86_400_000;
    rmSync(path, { recursive: true });
    opening.open().close();
  });

  it("serves again by itself: one report each way", async () => {
    mkdirSync(path);
    const state = openTest();
    for (const _ of Array(5)) {
      expect(await ask(state)).toBe("temporary");
      time += 1000;
    }
    rmSync(path, { recursive: true });
    time += 60_000;
    expect(await ask(state)).toBe("wait");
    expect(reports).toEqual([expect.stringMatching(/state\.sqlite/), "up"]);
  });
});

/** By another process, as far as SQLite can tell: locks belong to the connection. */
describe.each([
  ["that writes", "BEGIN IMMEDIATE"],
  ["that has it for itself", "PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE"],
])("a file locked at its opening by another process %s", (_, lock) => {
  it.each([
    ["with tables", true],
    ["without", false],
  ])("does not hold the loop, and is served when it is free: %s", async (_, hasTables) => {
    if (hasTables) await written(1);
    const other = new DatabaseSync(path);
    other.exec(lock);
    const state = openTest({ timeoutMs: 60_000 });
    const waiting = ask(state);
    let turns = 0;
    const turning = setInterval(() => {
      turns += 1;
      if (turns === 3) other.close();
    });
    expect(await waiting).toBe("wait");
    clearInterval(turning);
    expect(turns).toBeGreaterThanOrEqual(3);
    expect(reports).toEqual([]);
  });

  it("fails all that wait at the deadline, not one part after the other", async () => {
    await written(1);
    const other = new DatabaseSync(path);
    other.exec(lock);
    const state = openTest({ timeoutMs: 50 });
    const asked = await Promise.all(Array.from({ length: 1200 }, (_, index) => ask(state, `${index}`)));
    expect(new Set(asked)).toEqual(new Set(["temporary"]));
    expect(reports).toHaveLength(1);
    other.close();
    expect(await ask(state)).toBe("wait");
  });
});
