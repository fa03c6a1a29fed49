/** Rows that were written last, and those that are in memory: whatever becomes of them, the answers are those of the file. */
import { mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { TemporaryError } from "../../../src/answer/temporary-error.ts";
import type { TripletQuestion } from "../../../src/state/decide.ts";
import { openState } from "../../../src/state/open-state.ts";
import type { Columns } from "../../../src/state/sqlite/columns.ts";
import { KnownRows } from "../../../src/state/sqlite/known-rows.ts";
import { columnsOfKey, maxRecentRows, rowKey } from "../../../src/state/sqlite/recent-rows.ts";
import { StateFile, withKeys } from "../../../src/state/sqlite/state-file.ts";
import type { StateStore } from "../../../src/state/state-store.ts";
import { hashedKey } from "../../../src/text/hashed-key.ts";
import { greylistQuestion, start, throttleQuestion } from "../../support/state-question.ts";
import { sqliteSettings } from "../../support/stores.ts";

let folder: string;
let path: string;
let stores: StateStore[];
let files: StateFile[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "postern-recent-"));
  path = join(folder, "state.sqlite");
  stores = [];
  files = [];
});
afterEach(async () => {
  for (const store of stores) await store.close();
  for (const file of files) file.close();
  rmSync(folder, { recursive: true });
});

function open(): StateStore {
  const onAvailability = (_: string, up: boolean, cause?: unknown) => {
    if (!up) throw cause;
  };
  const store = openState(sqliteSettings(path), { onAvailability });
  stores.push(store);
  return store;
}

function openFile(): StateFile {
  const file = new StateFile(path);
  files.push(file);
  return file;
}

function ask(file: StateFile, question: TripletQuestion): string {
  const asked = withKeys(question);
  file.refresh();
  const fromMemory = file.answerFromMemory(asked);
  file.begin();
  const { lastRecord } = file;
  const answer = file.greylist(asked);
  file.commit();
  if (fromMemory !== undefined) expect([fromMemory, file.lastRecord]).toEqual([answer, lastRecord]);
  return answer.kind === "wait" ? (answer.isNew ? "new" : "waits") : answer.kind;
}

function learnAll(file: StateFile): void {
  while (file.read((each) => each.learn()));
}

function settleAll(file: StateFile): void {
  const { lastRecord } = file;
  for (let goesOn = true; goesOn; ) {
    file.begin();
    goesOn = file.settle(lastRecord, 100);
    file.commit();
  }
}

/** For the rest of a test; waits until all checkpoints of what was written are over, with which the timers end. */
function withFakeTimers(): () => Promise<void> {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const timersLeft = () => {
    vi.runOnlyPendingTimers();
    return vi.getTimerCount();
  };
  return () => expect.poll(timersLeft, { timeout: 20_000 }).toBe(0);
}

/** More than are kept before they go to their tables. */
const many = maxRecentRows + 4000;

const question = (index: number) =>
  greylistQuestion({
    client: `client ${(index * 7919) % 100_003}`,
    sender: `${index}@example.org`,
    autoWhitelist: { address: `${index}`, passes: 5 },
  });

describe("recent rows", () => {
  it("are known when they are opened again, whether or not they are in their tables", async () => {
    const count = many;
    const entries = Array.from({ length: count }, (_, index) => ({
      ...{ kind: "triplet" as const, client: question(index).client, sender: question(index).sender, recipient: "b@example.net" },
      ...{ firstSeen: start, lastSeen: start, passed: undefined, expires: start + 1000 },
    }));
    expect(await open().importEntries(entries, start)).toBe(count);
    const other = new DatabaseSync(path);
    const { rows } = other.prepare("SELECT count(*) AS rows FROM greylist").get() as { rows: number };
    other.close();
    expect(rows).toBeGreaterThan(0);
    expect(rows).toBeLessThan(count);
    const again = open();
    const indexes = Array.from({ length: count / 100 }, (_, index) => 100 * index);
    const answers = await Promise.all(indexes.map((index) => again.greylist(question(index))));
    expect(answers.filter((answer) => answer.kind !== "wait" || answer.isNew)).toEqual([]);
    expect((await again.stats(start)).waiting).toBe(count);
  });

  it("answer at once where nothing is to be written, though another program writes, and as it has written", async () => {
    const store = open();
    const later = (index: number, now = start + 3_600_000) => store.greylist({ ...question(index), now });
    for (const index of [1, 2]) await store.greylist(question(index));
    for (const index of [1, 2]) expect(await later(index)).toMatchObject({ kind: "pass", firstPass: true });
    for (let answer = later(1); answer instanceof Promise; answer = later(1)) await answer;
    const other = new DatabaseSync(path);
    other.exec("BEGIN IMMEDIATE");
    expect(later(2)).toMatchObject({ kind: "pass", firstPass: false });
    expect(later(3)).toBeInstanceOf(Promise);
    other.exec("COMMIT");
    other.close();
    await open().forget(question(1));
    expect(later(2, start + 3_600_010)).not.toBeInstanceOf(Promise);
    expect(await later(1, start + 3_600_010)).toMatchObject({ kind: "wait", isNew: true });
    await store.close();
    await expect(later(2)).rejects.toThrow("it is closed");
  });

  it("are let go of with a file that was removed, though they answer everything", async () => {
    const checkpointsOver = withFakeTimers();
    const store = open();
    let now = start;
    const again = () => {
      now += 10;
      return store.greylist({ ...question(1), now });
    };
    for (let answer = again(); answer instanceof Promise; answer = again()) await answer;
    await checkpointsOver();
    rmSync(path);
    expect(again()).not.toBeInstanceOf(Promise);
    await checkpointsOver();
    expect(await again()).toMatchObject({ kind: "wait", isNew: true });
  });

  it("leave a file alone that takes the place of theirs, such as a backup", async () => {
    const checkpointsOver = withFakeTimers();
    const store = open();
    let now = start;
    const askAll = async (from: number, to: number) => {
      now += 10;
      const answers = Array.from({ length: to - from }, (_, index) => store.greylist({ ...question(from + index), now }));
      return (await Promise.all(answers)).filter((answer) => answer.kind !== "wait" || answer.isNew).length;
    };
    const backup = `${path}.backup`;
    expect(await askAll(0, 500)).toBe(500);
    const other = new DatabaseSync(path);
    other.exec(`VACUUM INTO '${backup}'`);
    other.close();
    expect(await askAll(500, 1000)).toBe(500);
    renameSync(backup, path);
    await askAll(0, 500);
    await checkpointsOver();
    expect(await askAll(0, 1000)).toBe(500);
    await store.close();
    const restored = new DatabaseSync(path);
    expect(restored.prepare("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
    restored.close();
  });

  it.each([
    ["taken away and put back", false, ["new", "waits"]],
    ["replaced", true, ["new", "new"]],
  ])("of a file that is %s before it is closed are there with their own file alone", (_, isReplaced, expected) => {
    const file = openFile();
    ask(file, question(1));
    const other = new DatabaseSync(path);
    other.exec(`VACUUM INTO '${path}.backup'`);
    other.close();
    ask(file, question(2));
    renameSync(path, `${path}.away`);
    if (isReplaced) renameSync(`${path}.backup`, path);
    files.splice(0);
    file.close();
    if (!isReplaced) renameSync(`${path}.away`, path);
    const again = openFile();
    expect([question(3), question(2)].map((each) => ask(again, each))).toEqual(expected);
    expect(ask(again, question(1))).toBe("waits");
  });

  it("that cannot be read leave the question to a transaction, which tells of it", async () => {
    const availability: boolean[] = [];
    const store = openState(sqliteSettings(path), { onAvailability: (_, up) => availability.push(up) });
    stores.push(store);
    for (let answer = store.greylist(question(1)); answer instanceof Promise; answer = store.greylist(question(1))) await answer;
    const other = new DatabaseSync(path);
    other.exec("INSERT INTO recent (number, rows) SELECT max(number) + 1, 'no rows' FROM recent");
    other.close();
    const later = { ...question(1), now: start + 10 };
    for (const one of [later, later]) await expect(store.greylist(one)).rejects.toThrow(TemporaryError);
    expect(availability).toEqual([false]);
  });

  it("of a transaction that was rolled back are as they were", () => {
    const file = openFile();
    expect(ask(file, question(1))).toBe("new");
    learnAll(file);
    file.begin();
    file.greylist(withKeys(question(2)));
    file.forget(question(1));
    file.forget(question(1));
    file.rollback();
    expect(ask(file, question(1))).toBe("waits");
    expect(ask(file, question(2))).toBe("new");
  });

  it("are known after a transaction was rolled back and all others were read into memory, also those on their way to their tables", () => {
    const file = openFile();
    for (const index of [1, 2]) ask(file, question(index));
    file.begin();
    file.settle(file.lastRecord, 1);
    file.commit();
    ask(file, question(3));
    learnAll(file);
    file.begin();
    file.greylist(withKeys(question(4)));
    file.forget(question(3));
    file.rollback();
    learnAll(file);
    expect([1, 2, 3, 4].map((index) => ask(file, question(index)))).toEqual(["waits", "waits", "waits", "new"]);
  });

  it("that leave for their tables replace none that is newer and another process has put there", () => {
    const [file, other] = [openFile(), openFile()];
    for (const index of [1, 2, 3]) ask(file, question(index));
    const { lastRecord } = file;
    file.begin();
    file.settle(lastRecord, 1);
    file.commit();
    other.begin();
    other.allow(question(1), start);
    other.forget(question(2));
    other.commit();
    // It takes the newer ones, and goes on with those that leave when they are in their tables.
    ask(file, question(3));
    settleAll(other);
    for (let goesOn = true; goesOn; ) {
      file.begin();
      goesOn = file.settle(lastRecord, 1);
      file.commit();
    }
    const again = openFile();
    for (const each of [file, again]) expect([1, 3].map((index) => ask(each, question(index)))).toEqual(["pass", "waits"]);
    expect([again, file].map((each) => ask(each, question(2)))).toEqual(["new", "waits"]);
  });

  it("are put into their tables some at once, where few are written, and none is left behind", () => {
    const file = openFile();
    file.begin();
    for (let index = 0; index < many; index += 1) file.greylist(withKeys(question(index)));
    file.commit();
    const other = new DatabaseSync(path);
    const count = other.prepare("SELECT count(*) AS rows FROM greylist");
    const askNext = (index: number) => {
      ask(file, question(many + index));
      return Number(count.get()?.rows);
    };
    let asked = 0;
    // Their order is not known at once.
    while (askNext(asked) === 0) asked += 1;
    const first = askNext(asked);
    expect(first).toBeLessThan(200);
    const counts = Array.from({ length: 64 }, (_, index) => askNext(asked + 1 + index));
    other.close();
    // Two for each, but for those that are owed: where parts of the order begin is random, and the first one may be small.
    const moved = (counts.at(-1) ?? 0) - first;
    expect(Math.abs(moved - 2 * counts.length)).toBeLessThan(32);
    expect(new Set(counts).size).toBeLessThan(8);
    settleAll(file);
    const again = openFile();
    const last = many + asked + 64;
    expect([0, many - 1, last, last + 1].map((index) => ask(again, question(index)))).toEqual(["waits", "waits", "waits", "new"]);
  });

  it("are put into their tables by each that changes them, and removed from them", () => {
    const file = openFile();
    const question = throttleQuestion({ token: "a token" });
    const take = () => {
      file.begin();
      file.throttle(question);
      file.commit();
    };
    const rows = () => {
      const other = new DatabaseSync(path);
      const found = ["throttle", "throttle_token"].map((table) => other.prepare(`SELECT * FROM ${table}`).all().length);
      other.close();
      return found;
    };
    take();
    expect(rows()).toEqual([0, 0]);
    settleAll(file);
    expect(rows()).toEqual([1, 1]);
    file.begin();
    file.giveBack(question);
    file.resetThrottle(question.key);
    file.commit();
    settleAll(file);
    expect(rows()).toEqual([0, 0]);
  });

  it.each([
    false,
    true,
  ])("that another program changes are known at once, those in memory too, and when it put them into their tables (%s)", (settles) => {
    const [file, other] = [openFile(), openFile()];
    for (const index of [1, 2, 3]) ask(file, question(index));
    learnAll(file);
    other.begin();
    other.forget(question(1));
    other.allow(question(2), start);
    other.allow(question(4), start);
    other.commit();
    if (settles) settleAll(other);
    expect([1, 2, 3, 4].map((index) => ask(file, question(index)))).toEqual(["new", "pass", "waits", "pass"]);
    learnAll(file);
    expect([1, 2, 3, 4, 5].map((index) => ask(file, question(index)))).toEqual(["waits", "pass", "waits", "pass", "new"]);
    expect([1, 2, 3, 4, 5].map((index) => ask(other, question(index)))).toEqual(["waits", "pass", "waits", "pass", "waits"]);
  });

  it("are all found among those that were read into memory, one without any text too", () => {
    const empty = greylistQuestion({ client: "", sender: "", recipient: "" });
    const file = openFile();
    for (let index = 0; index < 1500; index += 1) ask(file, question(index));
    ask(file, empty);
    settleAll(file);
    const again = openFile();
    learnAll(again);
    expect(again.mayLearn).toBe(false);
    expect(ask(again, empty)).toBe("waits");
    expect(Array.from({ length: 1500 }, (_, index) => ask(again, question(index))).filter((answer) => answer !== "waits")).toEqual([]);
    expect(ask(again, question(1500))).toBe("new");
  });

  it("are as they were written while others are read into memory", () => {
    const file = openFile();
    for (let index = 0; index < 1500; index += 1) ask(file, question(index));
    settleAll(file);
    const again = openFile();
    again.read((each) => each.learn());
    again.begin();
    for (let index = 0; index < 1500; index += 2) again.forget(question(index));
    again.commit();
    learnAll(again);
    const answers = Array.from({ length: 1500 }, (_, index) => ask(again, question(index)));
    expect(answers).toEqual(Array.from({ length: 1500 }, (_, index) => (index % 2 === 0 ? "new" : "waits")));
  });

  it("have keys of any texts, which keep them apart", () => {
    const text = fc.string({ unit: fc.constantFrom("\0", "\x01", "0", "2", "a") });
    fc.assert(
      fc.property(fc.array(text, { minLength: 1, maxLength: 4 }), (columns) => {
        expect(columnsOfKey(rowKey("g", ...columns))).toEqual(columns);
      }),
    );
  });
});

describe("rows in memory", () => {
  const row = (index: number, expires = 1000): Columns => [index, index + 1, index % 2 === 0 ? null : index, expires];

  it("are as they were set last, until there are all, and then the others are nowhere", () => {
    const known = new KnownRows();
    expect(known.get(hashedKey("g1"))).toBeUndefined();
    for (let index = 0; index < 5000; index += 1) known.set(hashedKey(`g${index}`), row(index));
    for (let index = 0; index < 5000; index += 1) expect(known.get(hashedKey(`g${index}`))).toEqual(row(index));
    known.add(hashedKey("g1"), row(7));
    expect(known.get(hashedKey("g1"))).toEqual(row(1));
    known.set(hashedKey("g1"), null);
    known.add(hashedKey("g1"), row(7));
    expect(known.get(hashedKey("g1"))).toBeNull();
    expect(known.get(hashedKey("a stranger"))).toBeUndefined();
    known.isComplete = true;
    expect(known.get(hashedKey("a stranger"))).toBeNull();
    known.clear();
    expect([known.get(hashedKey("g2")), known.isComplete]).toEqual([undefined, false]);
  });

  it("that expired make room", () => {
    const known = new KnownRows(256);
    known.expire(2000);
    for (let index = 0; index < 50_000; index += 1) known.set(hashedKey(`g${index}`), row(index, index % 100 === 0 ? 3000 : 1000));
    expect(known.isFull).toBe(false);
    expect(known.get(hashedKey("g100"))).toEqual(row(100, 3000));
  });

  it("stay when a clock that was ahead made room", () => {
    const known = new KnownRows();
    known.isComplete = true;
    known.expire(2000);
    known.asked(500);
    for (let index = 0; index < 5000; index += 1) known.set(hashedKey(`g${index}`), row(index, 1000));
    for (let index = 0; index < 5000; index += 1) expect(known.get(hashedKey(`g${index}`))).toEqual(row(index, 1000));
  });

  it("are none when they are too many", () => {
    const known = new KnownRows(256);
    known.isComplete = true;
    for (let index = 0; index < 20_000; index += 1) known.set(hashedKey(`g${index}`), row(index));
    expect([known.isFull, known.isComplete, known.get(hashedKey("g1"))]).toEqual([true, false, undefined]);
  });
});
