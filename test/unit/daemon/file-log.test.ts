/** What is logged of a file that changes: what was taken, what was not and why, and that all is well again. */
import { link, mkdtemp, rename, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { logLine } from "../../../src/daemon/log.ts";
import { logFile } from "../../../src/daemon/log-lines.ts";
import { FileDirectory } from "../../../src/directory/file.ts";
import { Files } from "../../../src/file/files.ts";
import { FileLookup } from "../../../src/lookup/file.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "postern-file-log-"));
});
afterAll(() => rm(folder, { recursive: true }));

let lines: string[] = [];
const write = (line: string) => lines.push(logLine(line, "text").trimEnd().replaceAll(`${folder}/`, ""));
const logger = pino({ base: null, timestamp: false, formatters: { level: (label) => ({ level: label }) } }, { write });
let now = 0;
const files = new Files(
  () => now,
  (source, news) => logFile(logger, source, news),
);

interface Step {
  /** Into the file `name`; `undefined`: it is deleted. */
  readonly content: string | undefined;
  /** Writes it in place. */
  readonly inPlace?: true;
  /** The file is looked at in each of them. */
  readonly seconds: number;
  readonly logged: readonly string[];
}

let kept = 0;

async function play(name: string, refresh: () => Promise<void>, steps: readonly Step[]): Promise<void> {
  const path = join(folder, name);
  for (const { content, inPlace, seconds, logged } of steps) {
    // Another name keeps its inode, which a new file would else get now and then: that looks as if it had been written in place.
    if (!inPlace) await link(path, `${path}.${++kept}`).catch(() => {});
    if (content === undefined) await rm(path);
    else {
      await writeFile(inPlace ? path : `${path}.new`, content);
      if (!inPlace) {
        // What is renamed within one tick of the file system's clock shows no trace of it.
        await utimes(`${path}.new`, 0, Date.now() / 1000 - 1);
        await rename(`${path}.new`, path);
      }
    }
    lines = [];
    for (let second = 0; second < seconds; second++) {
      now += 1000;
      await refresh();
    }
    expect(lines).toEqual(logged);
  }
}

const wrong = (line: number) => `addresses:${line}: \\"x\\" is not an address. Write one address a line.`;

test("a table of addresses", async () => {
  const none = { virtual: [], aliases: [], mailboxes: [], domains: [], aliasesDomain: undefined };
  const directory = new FileDirectory({ type: "file", name: "people", ...none, addresses: [join(folder, "addresses")] }, files);
  const event = 'event=source source="people: addresses"';
  const changing = `info being written in place; taken when unchanged for 10 s. A new file that is renamed is taken at once ${event} seconds=10`;
  const failed = `warn reload failed; the previous contents stay in use ${event}`;
  await play("addresses", () => directory.refresh(), [
    { content: "a@v.example\nb@v.example\nc@v.example\n", seconds: 3, logged: [`info file read ${event} entries=3`] },
    { content: "a@v.example\nb@v.example\n", seconds: 3, logged: [`info file read ${event} entries=2`] },
    {
      ...{ content: "a@v.example\nb@v.example\nc@v.example\n", inPlace: true, seconds: 20 },
      logged: [changing, `info file read ${event} entries=3`],
    },
    {
      ...{ content: "", inPlace: true, seconds: 30 },
      logged: [
        changing,
        `warn lost most of its entries; the previous contents stay in use until it has been so for 60 s. To change it at once, rename a new file ${event} seconds=60 before=3 entries=0`,
      ],
    },
    { content: "a@v.example\nb@v.example\n", seconds: 3, logged: [`warn file read ${event} entries=2`] },
    { content: undefined, seconds: 3, logged: [expect.stringMatching(/^warn reload failed; .* error="addresses: ENOENT: no such file/)] },
    { content: "a@v.example\nx\n", inPlace: true, seconds: 100, logged: [`${failed} error="${wrong(2)}"`] },
    // What is in use.
    { content: "a@v.example\nb@v.example\n", seconds: 20, logged: [`warn available again ${event}`] },
    {
      ...{ content: "x\n".repeat(1_000_000), seconds: 3 },
      logged: [
        `${failed} error="${Array.from({ length: 10 }, (_, index) => `${wrong(index + 1)}\\n`).join("")}addresses: 999990 more lines have errors."`,
      ],
    },
    { content: "\0", seconds: 3, logged: [] },
    { content: "a@v.example\n", seconds: 3, logged: [`warn file read ${event} entries=1`] },
  ]);
});

test("a list", async () => {
  const list = new FileLookup(
    { type: "file", name: "blocked", path: join(folder, "list"), caseSensitive: false, isAskedByMta: false },
    files,
  );
  const event = 'event=source source="blocked: list"';
  const warning = (line: number) =>
    `list:${line}: warning: \\"192.0.2.0/24\\" matches nothing: a list knows no networks. Write 192.0.2.* for what begins so, or ask is_ip_in_cidr in a rule.`;
  await play("list", () => list.refresh(), [
    // Small, so that the configuration was loaded with a warning.
    { content: "a.example\n192.0.2.0/24\n", seconds: 3, logged: [`info file read ${event} entries=2`] },
    {
      ...{ content: "a.example\nb.example\n192.0.2.0/24\n", seconds: 3 },
      logged: [`warn file read, with warnings ${event} entries=3 warnings="${warning(3)}"`],
    },
    {
      ...{ content: "a.example\n192.168\n", seconds: 3 },
      logged: [expect.stringMatching(/^warn file read, with warnings .* warnings="list:2: warning: .*Write 192\.168\.\* /)],
    },
    { content: "a.example\n", seconds: 3, logged: [`info file read ${event} entries=1`] },
  ]);
});

test("a large list, the first time", async () => {
  const list = new FileLookup(
    { type: "file", name: "blocked", path: join(folder, "large"), caseSensitive: false, isAskedByMta: false },
    files,
  );
  const content = `${"a.example\n".repeat(10_000)}192.0.2.0/24\n`;
  await play("large", () => list.refresh(), [
    {
      content,
      seconds: 3,
      logged: [expect.stringMatching(/^warn file read, with warnings .* entries=10001 warnings="large:10001: warning: /)],
    },
  ]);
});
