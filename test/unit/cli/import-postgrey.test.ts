/** What is read of postgrey's files, in each form that people have them, and why the rest is not. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { DumpProblem } from "../../../src/cli/db-dump.ts";
import { readPostgrey } from "../../../src/cli/import-postgrey.ts";
import { UnreadableFile } from "../../../src/cli/named-file.ts";
import { parseConfiguration } from "../../../src/config/load.ts";
import type { ImportedEntry } from "../../../src/state/state-store.ts";

const folder = mkdtempSync(join(tmpdir(), "postern-postgrey-"));
afterAll(() => rmSync(folder, { recursive: true }));

const now = 1_700_000_000_000;
const seconds = now / 1000;

const configuration = parseConfiguration("[session.rcpt.greylist]\nenable = true\n", "postern.toml", () => "", {
  serves: false,
}).configuration;

async function read(...files: readonly string[]): Promise<{ entries: ImportedEntry[]; skipped: string[] }> {
  if (configuration === undefined) throw new Error("the configuration is wrong");
  const skipped: string[] = [];
  const entries: ImportedEntry[] = [];
  const onSkipped = (why: string, what: string) => skipped.push(`${why}: ${what}`);
  for await (const entry of readPostgrey(files, configuration.settings.rcpt.greylist, now, onSkipped)) entries.push(entry);
  return { entries, skipped };
}

function file(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

type Pair = readonly [key: string, value: string];

const dump = (format: string, pairs: readonly Pair[], write: (octets: string) => string) =>
  [
    "VERSION=3",
    `format=${format}`,
    "type=btree",
    "db_pagesize=4096",
    "HEADER=END",
    ...pairs.flat().map((each) => ` ${write(each)}`),
    "DATA=END",
  ]
    .map((line) => `${line}\n`)
    .join("");
const printed = (pairs: readonly Pair[]) =>
  dump("print", pairs, (octets) =>
    Buffer.from(octets)
      .toString("latin1")
      .replace(/[^ -~]/g, (each) => `\\${each.charCodeAt(0).toString(16)}`),
  );
const hexadecimal = (pairs: readonly Pair[]) => dump("bytevalue", pairs, (octets) => Buffer.from(octets).toString("hex"));

const recent = `${seconds - 900},${seconds - 60}`;
const pairs: readonly Pair[] = [
  ["192.0.2.0/a@b.example/josé@example.org", recent],
  ["192.0.2.9", `7,${seconds - 60}`],
];
const taken = [
  expect.objectContaining({ client: "192.0.2.0/24", sender: "a@b.example", recipient: "josé@example.org", firstSeen: now - 900_000 }),
  expect.objectContaining({ address: "192.0.2.9", passes: 7 }),
];

/** As B-trees and hashes of either order of octets begin. */
const databases = [Buffer.from("62310500", "hex"), Buffer.from("00053162", "hex"), Buffer.from("61150600", "hex")].map((magic) =>
  Buffer.concat([Buffer.alloc(12), magic, Buffer.alloc(4080)]),
);

/** Puts a db_dump where programs are looked for. `undefined`: there is none. */
function withDump(script: string | undefined): void {
  const bin = mkdtempSync(join(folder, "bin-"));
  if (script !== undefined) {
    writeFileSync(join(bin, "db_dump"), `#!/bin/sh\n${script}\n`);
    chmodSync(join(bin, "db_dump"), 0o755);
  }
  const before = process.env.PATH;
  process.env.PATH = bin;
  onTestFinished(() => {
    process.env.PATH = before;
  });
}

describe("forms", () => {
  test.each([
    ["db_dump -p", printed(pairs)],
    ["db_dump", hexadecimal(pairs)],
    ["several, one after the other", printed(pairs.slice(0, 1)) + hexadecimal(pairs.slice(1))],
    ["lines of Windows", printed(pairs).replaceAll("\n", "\r\n")],
    ["without a header", printed(pairs).replace(/^[^ ].*\n/gm, "")],
  ])("%s", async (_, text) => {
    expect(await read(file("dump", text))).toEqual({ entries: taken, skipped: [] });
  });

  test.each(databases.map((bytes, index) => [index, bytes] as const))("the database itself, %i", async (index, bytes) => {
    const text = file("text", printed(pairs));
    withDump(`[ "$1" = -p ] && exec /bin/cat ${text}`);
    expect(await read(file(`postgrey${index}.db`, bytes))).toEqual({ entries: taken, skipped: [] });
  });

  test("the database where db_dump is not there, or cannot read it", async () => {
    const path = file("postgrey.db", databases[0] ?? "");
    withDump(undefined);
    await expect(read(path)).rejects.toThrow(new DumpProblem(`${path} is read by db_dump, which is not there: on Debian install db-util`));
    withDump("echo 'db_dump: unexpected file type' >&2; exit 1");
    await expect(read(path)).rejects.toThrow(new DumpProblem(`db_dump cannot read ${path}: db_dump: unexpected file type`));
  });
});

test.each([
  ["that is not there", () => join(folder, "nowhere"), /^there is no file .*nowhere$/],
  ["in a file", () => join(file("not-a-folder", ""), "postgrey.db"), /postgrey\.db cannot be read: ENOTDIR/],
  ["that is a folder", () => folder, /is a folder: name a file$/],
  ["in a loop of links", loop, /cannot be read: ELOOP/],
])("a file %s, after another", async (_, named, message) => {
  const problem = await read(file("dump", printed(pairs)), named()).catch((error: unknown) => error);
  expect(problem).toBeInstanceOf(UnreadableFile);
  expect(String(problem)).toMatch(new RegExp(message.source.replace("^", "^UnreadableFile: ")));
});

function loop(): string {
  const path = join(folder, "loop");
  symlinkSync(path, path);
  return path;
}

test("while postgrey runs nothing is read, which would be old", async () => {
  const home = mkdtempSync(join(folder, "running-"));
  const dumped = join(home, "postgrey.db");
  writeFileSync(dumped, printed(pairs));
  const running = spawn("flock", [join(home, "postgrey.lock"), "sh", "-c", "echo; read end"]);
  await once(running.stdout, "data");
  await expect(read(dumped)).rejects.toThrow(`postgrey is running, and has not written all that it knows to ${dumped}: stop it first`);
  running.stdin.end();
  await once(running, "close");
  expect(await read(dumped)).toEqual({ entries: taken, skipped: [] });
});

test.each<[key: string, sender: string, recipient: string]>([
  ["192.0.2.0/s@b.example/c=de/s=meier@gw.example", "s@b.example", "c=de/s=meier@gw.example"],
  ["192.0.2.0//c=de/s=meier@gw.example/u@example.org", "/c=de/s=meier@gw.example", "u@example.org"],
  ["192.0.2.0//c=de/s=meier@gw.example", "", "c=de/s=meier@gw.example"],
  ["192.0.2.0/a/b@b.example//c/d@example.org", "a/b@b.example", "/c/d@example.org"],
  ["192.0.2.0//u@example.org", "", "u@example.org"],
  ["192.0.2.0/s@b.example/postmaster", "s@b.example", "postmaster"],
])("slashes in local parts: %s", async (key, sender, recipient) => {
  const { entries } = await read(file("slashes", printed([[key, recent]])));
  expect(entries).toEqual([expect.objectContaining({ sender, recipient })]);
});

test("what is not taken is said with its reason", async () => {
  const text = printed([
    ["192.0.2.0/a@b.example/old@example.org", `${seconds - 90 * 86400},${seconds - 89 * 86400}`],
    ["5ba93c9db0cff93f52b521d7420e43f6eda2784f", recent],
    ["net/a@b.example/u@example.org", recent],
    ["192.0.2.0/a@b.example/u@example.org", "soon"],
  ]);
  const { entries, skipped } = await read(file("odd", `${text}root:x:0:0::/root:/bin/sh\n`));
  expect({ entries, skipped }).toEqual({
    entries: [],
    skipped: [
      "expired: 192.0.2.0/a@b.example/old@example.org",
      "without an address or network: 5ba93c9db0cff93f52b521d7420e43f6eda2784f",
      "without an address or network: net/a@b.example/u@example.org",
      "not from a database of postgrey: 192.0.2.0/a@b.example/u@example.org soon",
      "not from a database of postgrey: root:x:0:0::/root:/bin/sh",
    ],
  });
});

test("times of a clock that was ahead count as now", async () => {
  const ahead = seconds + 400 * 86400;
  const text = printed([
    ["192.0.2.0/a@b.example/u@example.org", `${ahead},${ahead + 900}`],
    ["192.0.2.9", `7,${ahead}`],
  ]);
  expect((await read(file("ahead", text))).entries).toEqual([
    expect.objectContaining({ firstSeen: now, lastSeen: now }),
    expect.objectContaining({ seen: now }),
  ]);
});
