/** Reads a text file in portions of whole entries, so that even a large one holds nothing else up. */
import { type BigIntStats, constants } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import { FileProblem, type LineProblem, LineProblems } from "./file-problem.ts";

const maxOctets = 256 * 1024 * 1024;

/** About five hundred addresses, or four thousand of the shortest lines, which take some milliseconds. */
export const portionOctets = 16 * 1024;

/** Of the shorter ones, with their line ends: addresses, and names of domains. */
const entryOctets = 20;

/** Read at once, since each time another thread has to be waited for. */
const readOctets = 64 * portionOctets;

/** UTF-16 units of one entry with the comments after it, which is taken in one piece: more than 15,000 members of a list. */
const maxEntryLength = 512 * 1024;

/** What becomes of the entries of a file. */
export interface FileFormat<T> {
  /** Without any entry. Most files of so many octets have no more than `expected` of them. */
  create(expected?: number): T;
  /** Adds the entries of a portion and returns how many they are. A portion begins and ends between entries. */
  add(content: T, portion: string, problem: LineProblem): number;
}

export interface FileContent<T> {
  readonly content: T;
  readonly entries: number;
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
    for await (const portion of portionsOf(handle, path)) {
      const problem: LineProblem = (line, what, severity) => problems.add(before + line, what, severity);
      entries += format.add(content, portion, problem);
      before += linesIn(portion);
      await setImmediate();
    }
    const errors = problems.errors();
    if (errors.length > 0) throw new FileProblem(errors.join("\n"));
    return { content, entries, warnings: problems.warnings() };
  } finally {
    await handle.close();
  }
}

async function* portionsOf(handle: FileHandle, path: string): AsyncGenerator<string> {
  // A byte order mark is dropped.
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of piecesOf(handle)) {
    if (bytes.includes(0)) throw new FileProblem(`${path}: is not a text file: it has NUL bytes.`);
    const known = rest.length;
    rest += decoder.decode(bytes, { stream: true });
    const end = lastEntryIn(rest, known);
    if (end > 0) yield rest.slice(0, end);
    rest = rest.slice(end);
    if (rest.length > maxEntryLength) throw new FileProblem(`${path}: has an entry of more than ${maxEntryLength} characters.`);
  }
  rest += decoder.decode();
  if (rest !== "") yield rest;
}

/** Each is overwritten by later ones. */
async function* piecesOf(handle: FileHandle): AsyncGenerator<Buffer> {
  const buffer = Buffer.alloc(readOctets);
  for (;;) {
    const { bytesRead } = await handle.read(buffer, 0, readOctets);
    if (bytesRead === 0) return;
    for (let start = 0; start < bytesRead; start += portionOctets) {
      yield buffer.subarray(start, Math.min(start + portionOctets, bytesRead));
    }
  }
}

/** Where the last entry begins, at or after `from`: after a line end, and not with what continues an entry or stands between its lines. */
function lastEntryIn(text: string, from: number): number {
  for (let at = text.length - 1; at >= Math.max(from, 1); at -= 1) {
    if (text.charAt(at - 1) === "\n" && /[^\s#]/.test(text.charAt(at))) return at;
  }
  return 0;
}

function linesIn(text: string): number {
  let count = 0;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) count += 1;
  return count;
}
