/** What is read of a file, whatever is in its place. */
import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FileProblem } from "../../../src/file/file-problem.ts";
import { type LogicalLine, logicalLines } from "../../../src/file/logical-line.ts";
import { type FileFormat, portionOctets, readFile, statFile } from "../../../src/file/read-file.ts";
import { workOf } from "../../support/count-work.ts";

let folder: string;
let path: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "postern-read-"));
  path = join(folder, "list");
});
afterAll(() => rm(folder, { recursive: true }));

const lines: FileFormat<string[]> = {
  create: () => [],
  add(content, portion, problem) {
    const found: LogicalLine[] = [...logicalLines(portion.toString())];
    for (const { number, text } of found) {
      content.push(text);
      if (text.startsWith("wrong")) problem(number, `"${text}" is wrong.`);
      if (text.startsWith("odd")) problem(number, `"${text}" is odd.`, "warning");
    }
    return found.length;
  },
};

async function read(content: string | Uint8Array) {
  await writeFile(path, content);
  return readFile(path, lines);
}

it("portions do not change what is read", async () => {
  const line = fc.constantFrom(
    "key value",
    "# comment",
    "",
    "  continued",
    "ключ значение",
    "\u3000continued",
    "x".repeat(9000),
    "é".repeat(5000),
    "key\r",
  );
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 60 }), fc.constantFrom("", "\n"), async (all, end) => {
      const text = all.join("\n") + end;
      const expected = [...logicalLines(text)].map((each) => each.text);
      expect(await read(text)).toMatchObject({ content: expected, entries: expected.length, warnings: [] });
    }),
    { numRuns: 50 },
  );
});

it.each<[what: string, line: string]>([
  ["the shortest lines", "a\n"],
  ["addresses", "somebody@example.org\n"],
  ["long lines", `${"a".repeat(9000)}\n`],
  ["entries of many lines", `a@example.org\n${"\n# comment\n  b@example.org".repeat(100)}\n`],
])("gives way to others after each portion, of which none is large: %s", async (_, line) => {
  let turns = 0;
  let turning = setImmediate(function turn() {
    turns += 1;
    turning = setImmediate(turn);
  });
  const portions: { turn: number; length: number }[] = [];
  await writeFile(path, line.repeat(Math.ceil((20 * portionOctets) / line.length)));
  await readFile(path, {
    create: () => undefined,
    add: (_content, { length }) => portions.push({ turn: turns, length }),
  });
  clearImmediate(turning);
  expect(portions.length).toBeGreaterThanOrEqual(20);
  expect(new Set(portions.map(({ turn }) => turn)).size).toBe(portions.length);
  expect(Math.max(...portions.map(({ length }) => length))).toBeLessThanOrEqual(portionOctets + line.length);
});

it.each([0, 100, 400, 450, 500, 600, 1000])("the bound of an entry is the same after %d KB of others", async (kilobytes) => {
  const others = "key value\n".repeat(kilobytes * 100);
  const entry = (octets: number) => `${others}a\n${"  continued\n".repeat(Math.ceil(octets / 12))}b\n`;
  const portion = 2 * portionOctets;
  expect(await read(entry(512 * 1024 - portion))).toMatchObject({ entries: kilobytes * 100 + 2 });
  await expect(read(entry(512 * 1024 + portion))).rejects.toThrow(`${path}: has an entry of more than 524288 bytes.`);
});

it("where each line is by itself, lines that are indented, comments and empty ones have no bound together", async () => {
  const text = `${" key value\n".repeat(60_000)}${"# comment\n".repeat(60_000)}${"\n".repeat(600_000)}last`;
  await writeFile(path, text);
  let octets = 0;
  await readFile(path, {
    isByLine: true,
    create: () => undefined,
    add: (_content, portion) => {
      octets += portion.length;
      return 0;
    },
  });
  expect(octets).toBe(text.length);
});

it("looks at what an entry has so far once", async () => {
  const workFor = (portions: number) => workOf("src/file/read-file", () => read(`a\n${"\n".repeat(portions * portionOctets)}`));
  await workFor(2);
  const few = await workFor(4);
  expect(await workFor(16)).toBeLessThan(5 * few);
});

it("reports the first wrong lines and the number of the others", async () => {
  const filler = "key value\n".repeat(50_000);
  await expect(read(`${filler}wrong line\n${filler}`)).rejects.toThrow(new FileProblem(`${path}:50001: "wrong line" is wrong.`));
  const problem = await read("wrong\n".repeat(100_000)).catch((error: Error) => error.message.split("\n"));
  expect(problem).toHaveLength(11);
  expect(problem).toMatchObject({
    0: `${path}:1: "wrong" is wrong.`,
    9: `${path}:10: "wrong" is wrong.`,
    10: `${path}: 99990 more lines have errors.`,
  });
});

it("so are the lines with warnings, of which the others are taken", async () => {
  const filler = "key value\n".repeat(50_000);
  const { entries, warnings } = await read(`${filler}${"odd\n".repeat(30_000)}`);
  expect(entries).toBe(80_000);
  expect(warnings).toHaveLength(11);
  expect(warnings).toMatchObject({
    0: `${path}:50001: warning: "odd" is odd.`,
    9: `${path}:50010: warning: "odd" is odd.`,
    10: `${path}: warning: 29990 more lines have warnings.`,
  });
});

describe("text", () => {
  const latin1 = (text: string) => Buffer.from(text, "latin1");
  it.each<[what: string, content: Uint8Array, message: string]>([
    ["UTF-16", Buffer.from("\ufeffbad.example\n", "utf16le"), ": is not a text file"],
    ["NUL bytes at the end", Buffer.from(`${"a\n".repeat(50_000)}\0`), ": is not a text file"],
    ["an entry without an end", Buffer.from("a".repeat(2_000_000)), ": has an entry of more than"],
  ])("%s", async (_, content, message) => {
    await expect(read(content)).rejects.toThrow(`${path}${message}`);
  });

  it.each<[what: string, content: Uint8Array, read: readonly string[]]>([
    ["Latin-1 in a comment", latin1("# caf\xe9\na\n"), ["a"]],
    ["a byte order mark, CRLF, no line end at the end", Buffer.from("\ufeffa\r\nb"), ["a", "b"]],
    ["what is not UTF-8, with a mark for those who read the lines", latin1("gr\xfcn\n"), ["gr\ufffdn"]],
    ["nothing", Buffer.from(""), []],
  ])("%s", async (_, content, expected) => {
    expect((await read(content)).content).toEqual(expected);
  });
});

it("only a regular file is opened", async () => {
  const fifo = join(folder, "fifo");
  execFileSync("mkfifo", [fifo]);
  for (const other of [fifo, folder, "/dev/zero"]) {
    await expect(statFile(other)).rejects.toThrow("is not a regular file");
    await expect(readFile(other, lines)).rejects.toThrow("is not a regular file");
  }
});
