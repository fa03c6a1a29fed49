/** The pairs of a Berkeley DB file: from the text that db_dump makes of it, with or without -p, or from the file itself by running db_dump. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { codeOf } from "../text/error-code.ts";
import { linesOf } from "./lines.ts";
import { fromFile, linesOfFile } from "./named-file.ts";

/** Why a file cannot be read. */
export class DumpProblem extends Error {
  override name = "DumpProblem";
}

export type Pair = readonly [key: string, value: string];

/** `undefined` is standard input. Rejects with a `DumpProblem` or an `UnreadableFile`. `onOther` is called with each line that is not of db_dump. */
export async function* pairsIn(file: string | undefined, onOther: (line: string) => void): AsyncGenerator<Pair> {
  if (file === undefined) yield* pairsOf(linesOf(process.stdin), onOther);
  else if (await isDatabase(file)) yield* pairsOf(dumped(file), onOther);
  else yield* pairsOf(linesOfFile(file), onOther);
}

/** Key and value take turns, each after a space. Before them is a header, which says how octets are written. */
async function* pairsOf(lines: AsyncIterable<string>, onOther: (line: string) => void): AsyncGenerator<Pair> {
  let place: "outside" | "header" | "data" = "outside";
  let decode = unescaped;
  let key: string | undefined;
  for await (const line of lines) {
    if (line.startsWith(" ") && place !== "header") {
      const octets = decode(line.slice(1));
      if (key === undefined) key = octets;
      else {
        yield [key, octets];
        key = undefined;
      }
    } else if (line.startsWith("VERSION=") && place === "outside") {
      place = "header";
      decode = unescaped;
    } else if (place === "header") {
      if (line === "format=bytevalue") decode = fromHexadecimal;
      else if (line === "HEADER=END") place = "data";
    } else if (line === "DATA=END" && place === "data") {
      place = "outside";
      key = undefined;
    } else {
      onOther(line);
    }
  }
}

/** Of `format=print`: octets that do not print are `\` and two hexadecimal digits. */
function unescaped(written: string): string {
  const octets = written.replace(/\\(?:\\|([\da-f]{2}))/gi, (_, digits: string | undefined) =>
    digits === undefined ? "\\" : String.fromCharCode(Number.parseInt(digits, 16)),
  );
  return Buffer.from(octets, "latin1").toString("utf8");
}

function fromHexadecimal(written: string): string {
  return Buffer.from(written, "hex").toString("utf8");
}

/** The magic numbers of B-trees and hashes, in the order of octets of the machine that wrote them. */
const magicNumbers: ReadonlySet<number> = new Set([0x053162, 0x061561]);
const magicAt = 12;

function isDatabase(file: string): Promise<boolean> {
  return fromFile(file, async (handle) => {
    // A pipe is read once.
    if (!(await handle.stat()).isFile()) return false;
    const head = Buffer.alloc(magicAt + 4);
    await handle.read(head, 0, head.length, 0);
    return magicNumbers.has(head.readUInt32LE(magicAt)) || magicNumbers.has(head.readUInt32BE(magicAt));
  });
}

async function* dumped(file: string): AsyncGenerator<string> {
  const child = spawn("db_dump", ["-p", file], { stdio: ["ignore", "pipe", "pipe"] });
  const end = Promise.all([once(child, "close"), text(child.stderr)]).catch((error: unknown) => {
    const isMissing = codeOf(error) === "ENOENT";
    throw new DumpProblem(`${file} is read by db_dump, which ${isMissing ? "is not there: on Debian install db-util" : "cannot be run"}`);
  });
  // It is awaited when the lines have ended.
  end.catch(() => {});
  try {
    yield* linesOf(child.stdout);
    const [[status], said] = await end;
    if (status !== 0) throw new DumpProblem(`db_dump cannot read ${file}: ${said.trim()}`);
  } finally {
    child.kill();
  }
}
