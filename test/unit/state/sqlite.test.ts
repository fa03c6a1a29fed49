import { existsSync, mkdirSync, mkdtempSync, readdirSync, readlinkSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { TemporaryError } from "../../../src/answer/temporary-error.ts";
import type { Triplet } from "../../../src/state/decide.ts";
import { openState } from "../../../src/state/open-state.ts";
import type { Page, StateStore } from "../../../src/state/state-store.ts";
import { greylistQuestion, start, throttleQuestion } from "../../support/state-question.ts";
import { sqliteSettings } from "../../support/stores.ts";

let folder: string;
let path: string;
let state: StateStore;
let states: boolean[];
/** Moved by a test where the time between two tries matters. */
let time: number;
const now = () => time;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "postern-state-"));
  path = join(folder, "state.sqlite");
  states = [];
  time = start;
  state = openState(sqliteSettings(path, { timeoutMs: 500 }), {
    now,
    onAvailability: (_, up, _cause, isSame) => isSame || states.push(up),
  });
});
afterEach(async () => {
  await state.close();
  rmSync(folder, { recursive: true });
});

const kindOf = async (question = greylistQuestion()) => (await state.greylist(question)).kind;

async function fill(count: number): Promise<void> {
  const questions = Array.from({ length: count }, (_, index) =>
    greylistQuestion({ client: `client ${(index * 7919) % count}`, sender: `${"s".repeat(80)}${index}` }),
  );
  for (let from = 0; from < count; from += 5000) {
    await Promise.all(questions.slice(from, from + 5000).map((question) => state.greylist(question)));
  }
}

function linkOf(descriptor: string): string | undefined {
  try {
    return readlinkSync(join("/proc/self/fd", descriptor));
  } catch {
    // It was that of the folder itself.
    return undefined;
  }
}

describe("state in SQLite", () => {
  it("is for its user alone", async () => {
    await kindOf();
    const files = readdirSync(folder);
    expect(files).toContain("state.sqlite-wal");
    for (const file of files) expect(statSync(join(folder, file)).mode & 0o777, file).toBe(0o600);
  });

  it.runIf(existsSync("/proc/self/fd"))("keeps no file open that was removed", async () => {
    const descriptors = (name: string) => readdirSync("/proc/self/fd").filter((each) => linkOf(each) === name).length;
    await kindOf();
    // That of the database, and two more from the first checkpoint on.
    await expect.poll(() => descriptors(path), { timeout: 20_000 }).toBe(3);
    rmSync(path);
    expect(descriptors(`${path} (deleted)`)).toBe(3);
    await expect.poll(async () => [await kindOf(), descriptors(`${path} (deleted)`)], { timeout: 20_000 }).toEqual(["wait", 0]);
  });

  it("waits for questions while each turn of the loop brings further ones, and no longer", async () => {
    await kindOf();
    // All rows are in memory: they are read by questions, too.
    const unknown = { ...greylistQuestion({ sender: "unknown" }), beginsNothing: true } as const;
    await expect.poll(() => state.greylist(unknown) instanceof Promise, { timeout: 20_000 }).toBe(false);
    const transactions = () => {
      const other = new DatabaseSync(path, { readOnly: true });
      // The statement names this column.
      const { last } = other.prepare("SELECT max(number) AS last FROM recent").get() as { readonly last: number };
      other.close();
      return last;
    };
    const asked = async (perTurn: readonly number[]) => {
      const before = transactions();
      const answers: Promise<unknown>[] = [];
      for (const count of perTurn) {
        for (let index = 0; index < count; index += 1) answers.push(kindOf(greylistQuestion({ sender: `${before} ${answers.length}` })));
        await nextTurn();
      }
      await Promise.all(answers);
      return transactions() - before;
    };
    expect(await asked([1])).toBe(1);
    expect(await asked([1, 1, 1])).toBe(1);
    expect(await asked([1, 0, 0, 1])).toBe(2);
    expect(await asked([1, 1, 1, 1, 1, 1])).toBe(2);
    expect(await asked([16, 1])).toBe(2);
  });

  it("refuses tables of a newer version, and takes them again when they fit", async () => {
    await kindOf();
    await state.close();
    const other = new DatabaseSync(path);
    other.exec("PRAGMA user_version = 99");
    state = openState(sqliteSettings(path), { now, onAvailability: (_, up, _cause, isSame) => isSame || states.push(up) });
    await expect(kindOf()).rejects.toThrow(/version 99.*newer Postern/);
    await expect(kindOf()).rejects.toThrow(TemporaryError);
    expect(states).toEqual([false]);
    other.exec("PRAGMA user_version = 3");
    other.close();
    time += 1000;
    expect(await kindOf()).toBe("wait");
    expect(states).toEqual([false, true]);
  });

  it("takes a file of the version before, with all that is in it", async () => {
    await state.close();
    rmSync(path, { force: true });
    const old = new DatabaseSync(path);
    old.exec(`
      CREATE TABLE greylist (
        client TEXT NOT NULL, sender TEXT NOT NULL, recipient TEXT NOT NULL,
        first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL, passed INTEGER, expires INTEGER NOT NULL,
        PRIMARY KEY (client, sender, recipient)) STRICT, WITHOUT ROWID;
      CREATE TABLE greylist_address (
        address TEXT PRIMARY KEY, passes INTEGER NOT NULL, seen INTEGER NOT NULL, expires INTEGER NOT NULL) STRICT, WITHOUT ROWID;
      CREATE TABLE throttle (
        key TEXT PRIMARY KEY, period INTEGER NOT NULL, taken INTEGER NOT NULL, previous INTEGER NOT NULL, expires INTEGER NOT NULL) STRICT, WITHOUT ROWID;
      CREATE TABLE throttle_token (token TEXT PRIMARY KEY, period INTEGER NOT NULL, expires INTEGER NOT NULL) STRICT, WITHOUT ROWID;
      PRAGMA user_version = 1;
      INSERT INTO greylist VALUES ('192.0.2.1', 'jane@example.org', 'john@example.net', ${time}, ${time}, ${time}, ${time + 1000});
      INSERT INTO throttle VALUES ('key', ${time}, 1, 0, ${time + 1000})`);
    old.close();
    state = openState(sqliteSettings(path), { now, onAvailability: (_, up, _cause, isSame) => isSame || states.push(up) });
    const pair = { key: "pair", now: time, lifetimeMs: 1000 };
    await state.remember(pair);
    expect(await state.areCorrespondents(pair)).toBe(true);
    expect(await state.stats(time)).toMatchObject({ passed: 1, throttles: 1, correspondents: 1 });
    expect(await state.triplet({ client: "192.0.2.1", sender: "jane@example.org", recipient: "john@example.net" })).toMatchObject({
      passed: time,
    });
    expect(states).toEqual([]);
    await state.close();
    const opened = new DatabaseSync(path);
    expect(opened.prepare("PRAGMA user_version").get()).toEqual({ user_version: 3 });
    opened.close();
  });

  it.each([
    ["a copy by .dump, which has no version", "PRAGMA user_version = 0"],
    ["a table that somebody dropped", "DROP TABLE throttle"],
    ["the table of recent rows", "DROP TABLE recent"],
    ["what the version before lacks, too", "DROP TABLE correspondent; PRAGMA user_version = 2"],
  ])("makes what is missing, and keeps the rest: %s", async (_, broken) => {
    expect(await kindOf()).toBe("wait");
    // All that is listed is in the tables.
    expect(await state.list({}, { limit: 9 })).toHaveLength(1);
    await state.close();
    const other = new DatabaseSync(path);
    other.exec(broken);
    other.close();
    state = openState(sqliteSettings(path), { now, onAvailability: (_, up) => states.push(up) });
    const pair = { key: "pair", now: time, lifetimeMs: 1000 };
    await state.remember(pair);
    expect(await state.areCorrespondents(pair)).toBe(true);
    expect(await state.throttle(throttleQuestion())).toMatchObject({ allowed: true });
    expect(await state.list({}, { limit: 9 })).toHaveLength(1);
    expect(states).toEqual([]);
  });

  it("ends a round of expiry in a copy that cannot give its pages back", async () => {
    await state.close();
    rmSync(path, { force: true });
    const copy = new DatabaseSync(path);
    copy.exec("CREATE TABLE filler (octets BLOB); INSERT INTO filler VALUES (zeroblob(4000000)); DROP TABLE filler");
    copy.close();
    state = openState(sqliteSettings(path), { now, onAvailability: (_, up) => states.push(up) });
    expect(await kindOf()).toBe("wait");
    let rounds = 0;
    while (rounds < 100 && (await state.expire(time, 100))) rounds += 1;
    expect(rounds).toBeLessThan(100);
  });

  it("fails while the file is not an SQLite file, and works again when it is gone", async () => {
    writeFileSync(path, "not a database, but long enough to look at".repeat(100));
    await expect(kindOf()).rejects.toThrow(TemporaryError);
    rmSync(path);
    time += 1000;
    expect(await kindOf()).toBe("wait");
    expect(states).toEqual([false, true]);
  });

  it("fails while the folder is a file, and makes it when it can", async () => {
    const deep = join(folder, "deep");
    writeFileSync(deep, "");
    const other = openState(sqliteSettings(join(deep, "state.sqlite")), {
      now,
      onAvailability: (_, up, _cause, isSame) => isSame || states.push(up),
    });
    await expect(other.greylist(greylistQuestion())).rejects.toThrow(TemporaryError);
    rmSync(deep);
    mkdirSync(deep);
    time += 1000;
    expect(await other.greylist(greylistQuestion())).toMatchObject({ isNew: true });
    expect(states).toEqual([false, true]);
    await other.close();
  });

  it("reports a bug of the program as one, and continues", async () => {
    // What no caller should ever pass.
    const wrong = { ...throttleQuestion(), key: undefined } as never;
    await expect(state.throttle(wrong)).rejects.toThrow(TypeError);
    expect(await kindOf()).toBe("wait");
    expect(states).toEqual([]);
  });

  it("waits for another writer until the deadline, without standing still", async () => {
    await kindOf();
    const other = new DatabaseSync(path);
    other.exec("BEGIN IMMEDIATE");
    const waiting = kindOf();
    let turns = 0;
    const turning = setInterval(() => {
      turns += 1;
      if (turns === 3) other.exec("ROLLBACK");
    });
    expect(await waiting).toBe("wait");
    expect(turns).toBeGreaterThanOrEqual(3);
    clearInterval(turning);
    other.exec("BEGIN IMMEDIATE");
    await expect(kindOf()).rejects.toThrow(/locked/);
    other.close();
    expect(await kindOf()).toBe("wait");
    expect(states).toEqual([false, true]);
  });

  it("is asked by a second program at the same time", async () => {
    const other = openState(sqliteSettings(path), { onAvailability });
    const both = await Promise.all(
      Array.from({ length: 2000 }, (_, index) =>
        (index % 2 === 0 ? state : other).greylist(greylistQuestion({ sender: `${index >> 1}@example.org` })),
      ),
    );
    expect(both.filter((answer) => answer.kind === "wait" && answer.isNew)).toHaveLength(1000);
    await other.close();
  });

  it("copies the WAL into the file by itself, and does not let it grow without end", async () => {
    await fill(2000);
    await expect.poll(() => statSync(path).size).toBeGreaterThan(200_000);
    await fill(60_000);
    await expect.poll(() => statSync(path).size).toBeGreaterThan(8_000_000);
    expect(statSync(`${path}-wal`).size).toBeLessThan(200_000_000);
  });

  it("gives the space of what expired back, though what stays is spread over all of the file", async () => {
    const entries = Array.from({ length: 30_000 }, (_, index) => ({
      kind: "triplet" as const,
      client: `client ${(index * 7919) % 30_000}`,
      sender: "s".repeat(80),
      recipient: `${index}`,
      firstSeen: start,
      lastSeen: start,
      passed: index % 2 === 0 ? start : undefined,
      expires: start + (index % 2),
    }));
    await state.importEntries(entries, start);
    await expect.poll(() => statSync(path).size).toBeGreaterThan(4_000_000);
    const before = statSync(path).size;
    while (await state.expire(start + 1, 500));
    expect(await state.stats(start)).toMatchObject({ waiting: 15_000, passed: 0 });
    await expect.poll(() => statSync(path).size).toBeLessThan(0.8 * before);
    expect(await state.list({}, { limit: 20_000 })).toEqual(
      entries
        .filter(({ passed }) => passed === undefined)
        .map(({ kind, ...entry }) => entry)
        .toSorted((a, b) => (a.client < b.client ? -1 : 1)),
    );
    while (await state.expire(start + 2, 500));
    await expect.poll(() => statSync(path).size).toBeLessThan(1_300_000);
  });

  it("lists and counts a large greylist in small steps, between which others are answered", async () => {
    const client = (index: number) => `client ${String(index).padStart(5, "0")}`;
    const entries = Array.from({ length: 9000 }, (_, index) => ({
      ...{ kind: "triplet" as const, client: client(index), sender: index % 3000 === 2999 ? "needle@a.example" : "b@a.example" },
      ...{ recipient: "r", firstSeen: start + 9000 - index, lastSeen: start, passed: undefined, expires: start + (index % 2) },
    }));
    await state.importEntries(entries, start);
    const needles = (page: Page<Triplet>) => state.list({ sender: "needle" }, page).then((found) => found.map((each) => each.client));
    const [found, answered] = [needles({ limit: 10 }), kindOf().then(() => "answered")];
    expect(await Promise.race([found, answered])).toBe("answered");
    expect(await found).toEqual([client(2999), client(5999), client(8999)]);
    expect(await needles({ limit: 2 })).toEqual([client(2999), client(5999)]);
    expect(await needles({ limit: 2, after: { client: client(5999), sender: "needle@a.example", recipient: "r" } })).toEqual([
      client(8999),
    ]);
    const [counted, alike] = [state.stats(start + 1), kindOf().then(() => "answered")];
    expect(await Promise.race([counted, alike])).toBe("answered");
    expect(await counted).toMatchObject({ waiting: 4501, oldest: start, addresses: 0 });
  });

  it("makes a new file when somebody removes it", async () => {
    await kindOf();
    for (const file of readdirSync(folder)) rmSync(join(folder, file));
    await expect.poll(() => kindOf().then(() => readdirSync(folder))).toContain("state.sqlite");
  });

  it("answers what was asked before it was closed, and nothing later", async () => {
    const before = Promise.all(Array.from({ length: 1200 }, (_, index) => state.greylist(greylistQuestion({ sender: `${index}` }))));
    await state.close();
    expect(await before).toHaveLength(1200);
    await expect(kindOf()).rejects.toThrow(TemporaryError);
  });
});

const onAvailability = () => {};
