/** Reads a text file in portions of whole entries, so that even a large one holds nothing else up. */
import { type BigIntStats, constants } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import { crc32 } from "node:zlib";
import { lineFeed } from "../text/ascii.ts";
import { FileProblem, type LineProblem, LineProblems } from "./file-problem.ts";

const maxOctets = 256 * 1024 * 1024;

/** About five hundred addresses, or four thousand of the shortest lines, which take some milliseconds. */
export const portionOctets = 16 * 1024;

/** Of the shorter ones, with their line ends: addresses, and names of domains. */
const entryOctets = 20;

/** Read at once, since each time another thread has to be waited for. */
const readOctets = 64 * portionOctets;

/** Of one entry with the comments after it, which is taken in one piece: more than 15,000 members of a list. */
const maxEntryOctets = 512 * 1024;

/** What becomes of the entries of a file. */
export interface FileFormat<T> {
  /** Each line is by itself. Default: one that is indented continues the one before, and so does what is between them. */
  readonly isByLine?: true;
  /** Without any entry. Most files of so many octets have no more than `expected` of them. */
  create(expected?: number): T;
  /** Adds the entries of a portion, in UTF-8, and returns how many they are. A portion begins and ends between entries; the next one takes its place. */
  add(content: T, portion: Buffer, problem: LineProblem): number;
}

export interface FileContent<T> {
  readonly content: T;
  readonly entries: number;
  /** Of all octets: other contents of the same size have another one, but for one case in four thousand million. */
  readonly checksum: number;
  /** What is wrong with lines that are left out, a line for each. */
  readonly warnings: readonly string[];
}

/** Rejects when there is no such file or it is not a regular one, without opening it: a FIFO would wait for its writer. */
export async function statFile(path: string): Promise<BigIntStats> {
  const stats = await stat(path, { bigint: true });
  if (!stats.isFile()) throw new Error("is not a regular file");
  if (stats.size > maxOctets) throw new Error(`larger than ${maxOctets} bytes`);
  return stats;
}

/** Rejects with a `FileProblem` when a line is wrong, and otherwise as node:fs does. */
export async function readFile<T>(path: string, format: FileFormat<T>): Promise<FileContent<T>> {
  // Not blocking, for what may have come in its place since it was looked at.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw new Error("is not a regular file");
    const problems = new LineProblems(path);
    const content = format.create(Math.ceil(Math.min(stats.size, maxOctets) / entryOctets));
    let entries = 0;
    let before = 0;
    const sum: Checksum = { value: 0 };
    for await (const portion of portionsOf(handle, path, sum, format.isByLine === true)) {
      const problem: LineProblem = (line, what, severity) => problems.add(before + line, what, severity);
      entries += format.add(content, portion, problem);
      before += linesIn(portion);
      await setImmediate();
    }
    const errors = problems.errors();
    if (errors.length > 0) throw new FileProblem(errors.join("\n"));
    return { content, entries, checksum: sum.value, warnings: problems.warnings() };
  } finally {
    await handle.close();
  }
}

/** Of what was read so far. */
interface Checksum {
  value: number;
}

async function* portionsOf(handle: FileHandle, path: string, sum: Checksum, isByLine: boolean): AsyncGenerator<Buffer> {
  const buffer = Buffer.alloc(readOctets + maxEntryOctets);
  let start = 0;
  let until = 0;
  for (let isFirst = true; ; isFirst = false) {
    const { bytesRead } = await handle.read(buffer, until, readOctets);
    if (bytesRead === 0) break;
    const read = buffer.subarray(until, until + bytesRead);
    // A digest would take four times as long.
    sum.value = crc32(read, sum.value);
    if (read.includes(0)) throw new FileProblem(`${path}: is not a text file: it has NUL bytes.`);
    let looked = until;
    until += bytesRead;
    if (isFirst && byteOrderMark.equals(buffer.subarray(0, byteOrderMark.length))) start = byteOrderMark.length;
    while (looked < until) {
      const next = Math.min(looked + portionOctets, until);
      const end = lastEntryIn(buffer.subarray(0, until), Math.max(looked, start + 1), next, isByLine);
      looked = next;
      if (end >= 0) {
        yield buffer.subarray(start, end);
        start = end;
      }
      if (looked - start > maxEntryOctets) throw new FileProblem(`${path}: has an entry of more than ${maxEntryOctets} bytes.`);
    }
    buffer.copyWithin(0, start, until);
    until -= start;
    start = 0;
  }
  if (until > 0) yield buffer.subarray(0, until);
}

const byteOrderMark = Buffer.from("\ufeff");

/**
 * Where the last entry begins, from `from` to before `until`: after a line end, and not with what continues an entry or stands between its
 * lines. -1: none does.
 */
function lastEntryIn(octets: Buffer, from: number, until: number, isByLine: boolean): number {
  // A character at the end may be continued by what is read next.
  for (let at = Math.min(until, octets.length - mostOctets + 1) - 1; at >= from; at -= 1) {
    if (octets[at - 1] === lineFeed && (isByLine || /^[^\s#]/.test(characterAt(octets, at)))) return at;
  }
  return -1;
}

/** Others may follow. */
function characterAt(octets: Buffer, at: number): string {
  const octet = octets[at] ?? 0;
  return octet < 0x80 ? String.fromCharCode(octet) : octets.toString("utf8", at, at + mostOctets);
}

/** Of a character of UTF-8. */
const mostOctets = 4;

function linesIn(octets: Buffer): number {
  let count = 0;
  // An iterator would take five times as long.
  for (let at = 0; at < octets.length; at += 1) if (octets[at] === lineFeed) count += 1;
  return count;
}
