import { fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { copyFile, mkdtemp, rename, rm, utimes } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { TemporaryError } from "../../../src/answer/temporary-error.ts";
import { openStore } from "../../../src/store/open-store.ts";
import type { SqliteSettings } from "../../../src/store/store-settings.ts";
import { databaseContract } from "../../contract/database.ts";
import { childrenOf } from "../../support/daemon.ts";
import { untilStopped } from "../../support/stopped.ts";
import { sqliteSettings } from "../../support/stores.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "postern-sqlite-"));
});
afterAll(() => rm(folder, { recursive: true }));

const program = new URL("../../../src/store/sqlite-process.ts", import.meta.url);
const endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c";

function openTest(file: string, changes: Partial<SqliteSettings> = {}, readOnly = false, isKept = true) {
  const states: boolean[] = [];
  const database = openStore(sqliteSettings(join(folder, file), changes), {
    readOnly,
    walMemory: { path: join(folder, `${file}-seen`), isKept },
    onAvailability: (_, up, _cause, isSame) => isSame || states.push(up),
  });
  return { database, states };
}

databaseContract("SQLite", { engine: "sqlite", bytes: "blob" }, async () => ({
  ...openTest("contract.sqlite"),
  close: async () => {},
}));

describe("the process of a store", () => {
  it.each(["at once", "during a statement"])("ends quietly when its parent is gone %s", async (when) => {
    const options = JSON.stringify({ path: join(folder, "orphan.sqlite"), readOnly: false, busyMs: 1000 });
    const child = fork(program, [options], { serialization: "advanced", execArgv: [], stdio: ["ignore", "ignore", "pipe", "ipc"] });
    const ended = Promise.all([once(child, "exit"), text(child.stderr as Readable)]);
    if (when !== "at once") {
      await once(child, "message");
      const sql = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 1000000) SELECT count(*) FROM c";
      await new Promise((resolve) => child.send([{ kind: "query", sql, parameters: [] }], resolve));
    }
    child.disconnect();
    expect(await ended).toEqual([[0, null], ""]);
  });
});

describe("SQLite", () => {
  it.each([0, 0o022, 0o077])("creates files for its own user alone, and folders that no stranger sees into (umask %o)", async (umask) => {
    const own = `umask-${umask}`;
    const previous = process.umask(umask);
    try {
      const { database } = openTest(`${own}/inner/data.sqlite`);
      await database.run("CREATE TABLE t (n)");
      const names = readdirSync(join(folder, own, "inner"));
      expect(names.toSorted()).toEqual(["data.sqlite", "data.sqlite-shm", "data.sqlite-wal"]);
      for (const name of names) expect(statSync(join(folder, own, "inner", name)).mode & 0o777, name).toBe(0o600);
      for (const name of [own, join(own, "inner")]) expect(statSync(join(folder, name)).mode & 0o777, name).toBe(0o750 & ~umask);
      await database.close();
    } finally {
      process.umask(previous);
    }
  });

  it("ends a statement at its deadline, and works again", async () => {
    const patient = openTest("deadline.sqlite").database;
    await patient.run("CREATE TABLE t (n)");
    await patient.close();
    const { database, states } = openTest("deadline.sqlite", { timeoutMs: 400 });
    const answers = await Promise.allSettled([database.query(endless, []), database.query(endless, [])]);
    expect(answers).toEqual([
      { status: "rejected", reason: expect.any(TemporaryError) },
      { status: "rejected", reason: expect.any(TemporaryError) },
    ]);
    expect(states).toEqual([false]);
    await expect.poll(() => database.query("SELECT count(*) FROM t", []).catch(String)).toMatchObject({ rows: [[0]] });
    expect(states).toEqual([false, true]);
    await database.close();
  });

  it.runIf(process.platform === "linux")("ends a process that hangs while it starts, and works again", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    try {
      const others = childrenOf(process.pid);
      const { database, states } = openTest("hanging.sqlite");
      const first = database.query("SELECT 1", []).catch(String);
      const started = () => childrenOf(process.pid).filter((pid) => !others.includes(pid));
      while (started().length === 0) await nextTurn();
      const [pid = 0] = started();
      process.kill(pid, "SIGSTOP");
      await untilStopped(pid);
      await vi.advanceTimersByTimeAsync(29_000);
      expect(await first).toMatch(/no answer/);
      expect(started()).toEqual([pid]);
      await vi.advanceTimersByTimeAsync(1000);
      expect(await database.query("SELECT 1", [])).toMatchObject({ rows: [[1]] });
      expect(states).toEqual([false, true]);
      await database.close();
    } finally {
      vi.useRealTimers();
    }
  });

  it("bounds its queue", async () => {
    const { database } = openTest("queue.sqlite", { timeoutMs: 60_000 });
    const answers = Promise.allSettled(Array.from({ length: 10_050 }, () => database.query("SELECT 1", [])));
    const refused = (await answers).filter(({ status }) => status === "rejected");
    expect(refused).toHaveLength(50);
    await database.close();
  });

  it("writes nothing when it is read-only", async () => {
    const writer = openTest("read-only.sqlite");
    await writer.database.run("CREATE TABLE t (n)");
    const { database, states } = openTest("read-only.sqlite", {}, true);
    await expect(database.query("INSERT INTO t VALUES (1)", [])).rejects.toThrow(TemporaryError);
    expect(states).toEqual([false]);
    expect(await database.query("SELECT n FROM t", [])).toEqual({ kind: "rows", rows: [] });
    // A statement that cannot work is reported once, whatever else works.
    await expect(database.query("INSERT INTO t VALUES (1)", [])).rejects.toThrow(TemporaryError);
    expect(states).toEqual([false]);
    await database.close();
    await writer.database.close();
  });

  it("names a file that is missing, finds it when it appears and when it is replaced", async () => {
    const { database, states } = openTest("late.sqlite", {}, true);
    await expect(database.query("SELECT 1", [])).rejects.toThrow(/late\.sqlite/);
    await expect(database.check("SELECT 1")).rejects.toThrow(TemporaryError);
    await expect(database.query("SELECT 1", [])).rejects.toThrow(TemporaryError);
    for (const n of [1, 2]) {
      const { database: writer } = openTest(`new${n}.sqlite`);
      await writer.run(`CREATE TABLE t (n); INSERT INTO t VALUES (${n})`);
      await writer.close();
      await rename(join(folder, `new${n}.sqlite`), join(folder, "late.sqlite"));
      expect(await database.query("SELECT n FROM t", [])).toEqual({ kind: "rows", rows: [[n]] });
    }
    expect(states).toEqual([false, true]);
    await database.close();
  });

  it("reads a file that was copied over the one it reads, however alike they are", async () => {
    for (const [file, names] of Object.entries({ live: "('ann'), ('bob')", next: "('ann'), ('eve')" })) {
      const { database: writer } = openTest(`copied-${file}.sqlite`);
      await writer.run(`CREATE TABLE t (name UNIQUE); INSERT INTO t VALUES ${names}`);
      await writer.close();
    }
    const { database } = openTest("copied-live.sqlite", {}, true);
    const isThere = async (name: string) => {
      const result = await database.query("SELECT 1 FROM t WHERE name = $1", [name]);
      return result.kind === "rows" && result.rows.length > 0;
    };
    expect([await isThere("bob"), await isThere("eve")]).toEqual([true, false]);
    const live = join(folder, "copied-live.sqlite");
    const { mtime } = statSync(live);
    await utimes(live, mtime, mtime);
    expect([await isThere("bob"), await isThere("eve")]).toEqual([true, false]);
    await copyFile(join(folder, "copied-next.sqlite"), live);
    // As `cp -p` does.
    await utimes(live, mtime, mtime);
    expect([await isThere("bob"), await isThere("eve")]).toEqual([false, true]);
    await database.close();
  });

  it("reads no file together with the WAL of the one whose place it took", async () => {
    const [path, wal] = [join(folder, "nightly.sqlite"), join(folder, "nightly.sqlite-wal")];
    const { database: writer } = openTest("nightly.sqlite");
    await writer.run("CREATE TABLE t (name); INSERT INTO t VALUES ('old')");
    const { database, states } = openTest("nightly.sqlite", {}, true);
    const read = () => database.query("SELECT name FROM t", []);
    expect(await read()).toEqual({ kind: "rows", rows: [["old"]] });
    await writer.run("INSERT INTO t VALUES ('left')");
    const next = async (name: string) => {
      const { database: made } = openTest("nightly-next.sqlite");
      await made.run(`CREATE TABLE t (name); INSERT INTO t VALUES ('${name}')`);
      await made.close();
      await rename(join(folder, "nightly-next.sqlite"), path);
    };
    await next("new");
    for (let time = 0; time < 2; time += 1) await expect(read()).rejects.toThrow(`${wal} is of the one before`);
    await next("newer");
    await expect(read()).rejects.toThrow(`${wal} is of the one before`);
    expect(states).toEqual([false]);
    // The daemon's own writer removes it; so may the administrator.
    await writer.close();
    expect(await read()).toEqual({ kind: "rows", rows: [["newer"]] });
    await next("newest");
    expect(await read()).toEqual({ kind: "rows", rows: [["newest"]] });
    expect(states).toEqual([false, true]);
    await database.close();
  });

  it("knows after a statement that was ended which WAL was of the file that it read", async () => {
    const [path, wal] = [join(folder, "ended.sqlite"), join(folder, "ended.sqlite-wal")];
    const { database: writer } = openTest("ended.sqlite");
    await writer.run("CREATE TABLE t (name); INSERT INTO t VALUES ('old')");
    const { database } = openTest("ended.sqlite", { timeoutMs: 2000 }, true);
    // On a busy machine a process takes longer to start than the deadline.
    const read = () => expect.poll(() => database.query("SELECT name FROM t", []).catch(String));
    await read().toEqual({ kind: "rows", rows: [["old"]] });
    await expect(database.query(endless, [])).rejects.toThrow(/no answer in 2000 ms/);
    const { database: made } = openTest("ended-next.sqlite");
    await made.run("CREATE TABLE t (name); INSERT INTO t VALUES ('new')");
    await made.close();
    await rename(join(folder, "ended-next.sqlite"), path);
    await read().toContain(`${wal} is of the one before`);
    await writer.close();
    await read().toEqual({ kind: "rows", rows: [["new"]] });
    await database.close();
  });

  describe("after a restart", () => {
    /** A file whose last writer has closed it while it was read, so that its WAL is there; it is not read any more. */
    async function leaveWal(file: string): Promise<void> {
      const { database: writer } = openTest(file);
      await writer.run("CREATE TABLE t (name); INSERT INTO t VALUES ('old')");
      expect(await namesIn(file, () => writer.close())).toEqual(["old"]);
      expect(readdirSync(folder)).toContain(`${file}-wal`);
    }

    async function namesIn(file: string, meanwhile = async () => {}, isKept = true): Promise<unknown> {
      const { database } = openTest(file, {}, true, isKept);
      try {
        const result = await database.query("SELECT name FROM t", []);
        await meanwhile();
        return result.kind === "rows" && result.rows.flat();
      } finally {
        await database.close();
      }
    }

    async function replace(file: string, name: string): Promise<void> {
      const { database } = openTest(`next-${file}`);
      await database.run(`CREATE TABLE t (name); INSERT INTO t VALUES ('${name}')`);
      await database.close();
      await rename(join(folder, `next-${file}`), join(folder, file));
    }

    it("knows which WAL was of the file that was read before", async () => {
      await leaveWal("restart.sqlite");
      await replace("restart.sqlite", "new");
      for (let time = 0; time < 2; time += 1) await expect(namesIn("restart.sqlite")).rejects.toThrow(/-wal is of the one before/);
      await Promise.all(["-wal", "-shm"].map((end) => rm(join(folder, `restart.sqlite${end}`))));
      expect(await namesIn("restart.sqlite")).toEqual(["new"]);
    });

    it("takes no WAL for that one which was made in its place", async () => {
      await leaveWal("anew.sqlite");
      const { ino } = statSync(join(folder, "anew.sqlite-wal"));
      await replace("anew.sqlite", "new");
      await Promise.all(["-wal", "-shm"].map((end) => rm(join(folder, `anew.sqlite${end}`))));
      // File systems that give away the lowest inode give its WAL that of the one before.
      const others = Array.from({ length: 10 }, (_, number) => join(folder, `other-${number}`));
      for (const other of others) writeFileSync(other, "");
      for (const other of others) if (statSync(other).ino === ino) await rm(other);
      const own = new DatabaseSync(join(folder, "anew.sqlite"));
      own.exec("INSERT INTO t VALUES ('newer')");
      expect(await namesIn("anew.sqlite")).toEqual(["new", "newer"]);
      own.close();
    });

    it("a command that only reads keeps nothing, and one without anything to read knows nothing", async () => {
      await leaveWal("command.sqlite");
      const memory = join(folder, "command.sqlite-seen");
      const kept = readFileSync(memory, "utf8");
      const own = new DatabaseSync(join(folder, "command.sqlite"));
      own.exec("INSERT INTO t VALUES ('more')");
      await rm(memory);
      await namesIn("command.sqlite", undefined, false);
      expect(existsSync(memory)).toBe(false);
      for (const spoilt of ["null", kept.slice(0, -3)]) {
        writeFileSync(memory, spoilt);
        expect(await namesIn("command.sqlite")).toEqual(["old", "more"]);
        expect(readFileSync(memory, "utf8")).toBe(kept);
      }
      own.close();
    });
  });

  it("closes what it only reads soon after, so that the last writer can remove the WAL", async () => {
    const path = join(folder, "written.sqlite");
    const own = new DatabaseSync(path);
    own.exec("PRAGMA journal_mode = WAL; CREATE TABLE t (n); INSERT INTO t VALUES (1)");
    const { database } = openTest("written.sqlite", {}, true);
    expect(await database.query("SELECT n FROM t", [])).toEqual({ kind: "rows", rows: [[1]] });
    own.close();
    const writeAndClose = () => {
      const writer = new DatabaseSync(path);
      writer.exec("UPDATE t SET n = n + 1");
      writer.close();
      return readdirSync(folder).includes("written.sqlite-wal");
    };
    await expect.poll(writeAndClose, { timeout: 20_000 }).toBe(false);
    await database.close();
  });

  it("leaves a file alone that takes the place of the one it writes to, such as a backup", async () => {
    const path = join(folder, "restored.sqlite");
    const { database } = openTest("restored.sqlite");
    const addNumbers = "INSERT INTO t WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 5000) SELECT x FROM c";
    await database.run(`CREATE TABLE t (n UNIQUE); ${addNumbers}; VACUUM INTO '${path}.backup'`);
    await database.run(`UPDATE t SET n = n + 100000`);
    await rename(`${path}.backup`, path);
    expect(await database.query("SELECT max(n) FROM t", [])).toEqual({ kind: "rows", rows: [[5000]] });
    expect(await database.query("PRAGMA integrity_check", [])).toEqual({ kind: "rows", rows: [["ok"]] });
    await database.close();
  });

  it("runs init before the first query, and again until it works", async () => {
    const sql = "CREATE TABLE IF NOT EXISTS t (n); INSERT INTO t SELECT n FROM source";
    const { database, states } = openTest("init.sqlite", { init: { file: "tables.sql", sql } });
    await expect(database.query("SELECT count(*) FROM t", [])).rejects.toThrow(/tables\.sql.*source/s);
    const { database: other } = openTest("init.sqlite");
    await other.run("CREATE TABLE source (n); INSERT INTO source VALUES (1)");
    const counts = await Promise.all([database.query("SELECT count(*) FROM t", []), database.query("SELECT count(*) FROM t", [])]);
    expect(counts).toMatchObject([{ rows: [[1]] }, { rows: [[1]] }]);
    expect(states).toEqual([false, true]);
    await Promise.all([database.close(), other.close()]);
  });

  it("fails queries in progress when it is closed, and later ones", async () => {
    const { database } = openTest("closed.sqlite");
    await database.query("SELECT 1", []);
    const answer = expect(database.query(endless, [])).rejects.toThrow(TemporaryError);
    await database.close();
    await answer;
    await expect(database.query("SELECT 1", [])).rejects.toThrow(TemporaryError);
  });
});
