/** Decisions that are kept for days: what is found again, what goes, and what becomes of a file that cannot be written. */
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ArchiveFile, type Found } from "../../../src/daemon/archive-file.ts";
import { DecisionArchive } from "../../../src/daemon/decision-archive.ts";
import type { ArchiveSearch, ArchiveSpan, KeptDecision } from "../../../src/frontend/http/api.ts";
import { RefusedCount } from "../../../src/frontend/http/refused.ts";
import { aDecision } from "../../support/http-place.ts";
import { refusedAmong } from "../../support/refused-among.ts";

const dayMs = 86_400_000;
const start = Date.UTC(2026, 0, 1);
const limits = { keepMs: 7 * dayMs, maxOctets: 100_000_000 };
const everything: ArchiveSearch = { filter: {}, since: 0, until: 8.64e15, limit: 1000 };

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync("/tmp/postern-archive-");
  path = join(folder, "state", "decisions.sqlite");
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

const kept = (number: number, at: number, decided: Partial<KeptDecision> = {}): KeptDecision => ({
  ...{ ...aDecision, ...decided },
  ...{ id: `1-${number}`, time: new Date(at).toISOString() },
});

const lines = (decisions: readonly KeptDecision[]) => decisions.map((each) => JSON.stringify(each));

// It was written here.
const decisionsOf = ({ texts }: Found) => texts.map((text) => JSON.parse(text) as KeptDecision);

function open(decisions: readonly KeptDecision[], maxLookedAt?: number): ArchiveFile {
  const file = new ArchiveFile(path, maxLookedAt);
  file.write(lines(decisions), limits, start);
  return file;
}

test("what was written is found as it was, by the filters of the live ones and by time, the newest first", () => {
  const hostile = kept(1, start, { sender: `"<b>'%_\\@b.example`, error: "away" });
  const would = kept(2, start + 1000, { verdict: "pass", would: "reject", recipient: "ÄLICE@example.org" });
  const late = kept(3, start + 2000, { verdict: "pass", reason: "mailbox", resolved: ["postmaster@example.org"] });
  const file = open([late, hostile, would]);
  const found = (search: Partial<ArchiveSearch>) => decisionsOf(file.search({ ...everything, ...search }));
  expect(found({})).toEqual([late, would, hostile]);
  expect(found({ filter: { from: `'%_\\@` } })).toEqual([hostile]);
  expect(found({ filter: { to: "älice" } })).toEqual([would]);
  expect(found({ filter: { to: "postmaster" } })).toEqual([late]);
  expect(found({ filter: { notPass: true } })).toEqual([would, hostile]);
  expect(found({ since: start + 1000 })).toEqual([late, would]);
  expect(found({ until: start + 1000 })).toEqual([would, hostile]);
  expect(found({ since: start + 1, until: start + 999 })).toEqual([]);
  file.close();
});

test("pages follow one another without a gap, also among decisions of one millisecond", () => {
  const all = Array.from({ length: 25 }, (_, number) => kept(number, start + Math.floor(number / 10)));
  const file = open(all);
  const found: KeptDecision[] = [];
  for (let after: ArchiveSearch["after"] | "begin" = "begin"; after !== undefined; ) {
    const page = file.search({ ...everything, limit: 4, ...(after !== "begin" && { after }) });
    found.push(...decisionsOf(page));
    after = page.reached;
  }
  expect(found).toEqual(all.toReversed());
  file.close();
});

test.each([0, 1, 3])("a search for %i finds no more, or one", (limit) => {
  const file = open(Array.from({ length: 10 }, (_, number) => kept(number, start + number)));
  expect(file.search({ ...everything, limit }).texts).toHaveLength(Math.max(1, limit));
  file.close();
});

test("one search looks at so many and says how far it came, so that none holds up what is to be written", () => {
  const file = open([kept(0, start, { sender: "needle@b.example" })], 2000);
  const others = Array.from({ length: 3000 }, (_, number) => kept(number, start + 1 + Math.floor(number / 1000)));
  file.write(lines(others), limits, start);
  const search = { ...everything, filter: { from: "needle" } };
  const first = file.search(search);
  expect(first.texts).toEqual([]);
  expect(first.reached).toMatchObject({ at: start + 2 });
  const second = file.search({ ...search, ...(first.reached && { after: first.reached }) });
  expect(decisionsOf(second)).toMatchObject([{ id: "1-0" }]);
  expect(second.reached).toBeUndefined();
  file.close();
});

test("what is too old goes, and so does the oldest where the file would grow too large", () => {
  const file = open([kept(1, start), kept(2, start + dayMs)]);
  file.write([], limits, start + 7 * dayMs + 1);
  expect(decisionsOf(file.search(everything)).map(({ id }) => id)).toEqual(["1-2"]);
  const small = { keepMs: 1000 * dayMs, maxOctets: 2_000_000 };
  for (let batch = 0; batch < 20; batch++) {
    const some = Array.from({ length: 500 }, (_, number) => kept(batch * 500 + number, start + 8 * dayMs + batch));
    file.write(lines(some), small, start + 8 * dayMs);
  }
  const decisions = decisionsOf(file.search({ ...everything, limit: 20_000 }));
  expect(decisions.length).toBeGreaterThan(1000);
  expect(decisions.length).toBeLessThan(5000);
  expect(decisions[0]?.id).toBe("1-9999");
  file.close();
  expect(statSync(path).size).toBeLessThan(4_000_000);
});

test("what is refused is counted piece by piece to what it is in all", () => {
  const verdicts = [{ verdict: "pass" }, { would: "reject", verdict: "pass" }, { verdict: "reject" }] as const;
  const all = Array.from({ length: 2500 }, (_, number) => {
    const recipient = `user${number % 7}@example.org`;
    return kept(number, start + number, { ...verdicts[number % 3], recipient, client: `192.0.${number % 5}.7` });
  });
  const file = open(all, 1000);
  const count = new RefusedCount();
  let pieces = 0;
  for (let after: ArchiveSpan["after"] | "begin" = "begin"; after !== undefined; pieces += 1) {
    const counted = file.countRefused({ ...everything, ...(after !== "begin" && { after }) });
    count.addCounted(counted.refused);
    after = counted.reached;
  }
  expect(pieces).toBe(3);
  expect(count.most(20)).toEqual(refusedAmong(all));
  const [, second] = all;
  const { refused } = file.countRefused({ filter: { to: "user1@" }, since: start, until: start + 1 });
  expect(refused).toEqual(refusedAmong(second === undefined ? [] : [second]));
  file.close();
});

function archive(news: string[]): DecisionArchive {
  return new DecisionArchive({ path, limits, onAvailability: (_, up, cause) => news.push(up ? "up" : String(cause)) });
}

test("decisions are there after they were kept, only for this user, and after the end of the daemon", async () => {
  const news: string[] = [];
  const first = archive(news);
  const now = Date.now();
  for (let number = 0; number < 1200; number++) first.keep(JSON.stringify(kept(number, now + number)));
  await expect.poll(async () => (await first.search({ ...everything, limit: 2000 })).texts.length).toBe(1200);
  first.keep(JSON.stringify(kept(1200, now + 1200)));
  await first.close();
  expect(statSync(path).mode & 0o777).toBe(0o600);
  const second = archive(news);
  expect(decisionsOf(await second.search({ ...everything, limit: 1 }))).toEqual([kept(1200, now + 1200)]);
  await second.close();
  expect(news).toEqual([]);
});

test("what cannot be written is lost and reported once, until it can be", async () => {
  mkdirSync(path, { recursive: true });
  const news: string[] = [];
  const kepts = archive(news);
  await expect.poll(() => news.length).toBe(1);
  kepts.keep(JSON.stringify(kept(1, Date.now())));
  await expect(kepts.search(everything)).rejects.toThrow("unable to open database file");
  rmdirSync(path);
  writeFileSync(path, "no database".repeat(1000));
  await expect(kepts.search(everything)).rejects.toThrow("file is not a database");
  expect(news).toHaveLength(1);
  rmSync(path);
  await expect
    .poll(() => {
      kepts.keep(JSON.stringify(kept(2, Date.now())));
      return news.length;
    })
    .toBe(2);
  expect(news[1]).toBe("up");
  expect(decisionsOf(await kepts.search(everything))[0]).toMatchObject({ id: "1-2" });
  await kepts.close();
  expect(existsSync(path)).toBe(true);
});

const files = () => [path, `${path}-wal`, `${path}-shm`];

test.each([
  ["was removed", () => files().forEach((each) => void rmSync(each, { force: true })), []],
  ["was removed with its folder", () => rmSync(dirname(path), { recursive: true }), []],
  ["was moved away", () => renameSync(path, `${path}.1`), []],
  [
    "was replaced by an older one",
    () => {
      const older = new ArchiveFile(`${path}.old`);
      older.write(lines([kept(1, Date.now())]), limits, Date.now());
      older.close();
      renameSync(`${path}.old`, path);
    },
    ["1-1"],
  ],
])("a file that %s is opened anew, and nothing is lost that is decided from then on", async (_, change, others) => {
  const news: string[] = [];
  const first = archive(news);
  first.keep(JSON.stringify(kept(0, Date.now())));
  await expect.poll(async () => (await first.search(everything)).texts.length).toBe(1);
  change();
  first.keep(JSON.stringify(kept(2, Date.now())));
  const ids = async (from: DecisionArchive) => decisionsOf(await from.search(everything)).map(({ id }) => id);
  await expect.poll(() => ids(first)).toEqual(["1-2", ...others]);
  await first.close();
  // Another process finds them.
  const second = archive(news);
  expect(await ids(second)).toEqual(["1-2", ...others]);
  await second.close();
  expect(news).toEqual([]);
});

test("what is decided during a write that takes long is written soon after it", async () => {
  const news: string[] = [];
  const kepts = archive(news);
  await kepts.search(everything);
  const other = new DatabaseSync(path);
  other.exec("BEGIN IMMEDIATE");
  let number = 0;
  // The write waits for the lock, and fails then.
  await expect
    .poll(() => {
      kepts.keep(JSON.stringify(kept(++number, Date.now())));
      return news.length;
    })
    .toBe(1);
  other.exec("COMMIT");
  other.close();
  await expect.poll(async () => decisionsOf(await kepts.search(everything))[0]?.id, { timeout: 30_000 }).toBe(`1-${number}`);
  await kepts.close();
});
