/** Files that are named on the command line, to be read. */
import { constants, readFileSync } from "node:fs";
import { access, type FileHandle, open, stat } from "node:fs/promises";
import { codeOf } from "../text/error-code.ts";
import { errorMessage } from "../text/error-message.ts";
import { linesOf } from "./lines.ts";

/** Why one cannot be read, in a sentence. */
export class UnreadableFile extends Error {
  override name = "UnreadableFile";

  constructor(file: string, cause: unknown) {
    super(sentenceOf(file, cause), { cause });
  }
}

/** Before any is read where there are several. Rejects with an `UnreadableFile`. */
export async function mustBeReadable(file: string): Promise<void> {
  try {
    await access(file, constants.R_OK);
    if ((await stat(file)).isDirectory()) throw Object.assign(new Error("it is a folder"), { code: "EISDIR" });
  } catch (error) {
    throw new UnreadableFile(file, error);
  }
}

/** Its lines that say something; it may be a pipe. Rejects with an `UnreadableFile`. */
export async function* linesOfFile(file: string): AsyncGenerator<string> {
  const handle = await openFile(file);
  const input = handle.createReadStream();
  let failure: unknown;
  // What reads lines may end as if the file did.
  input.on("error", (error) => {
    failure = error;
  });
  try {
    yield* linesOf(input);
  } catch (error) {
    throw new UnreadableFile(file, error);
  } finally {
    input.destroy();
  }
  if (failure !== undefined) throw new UnreadableFile(file, failure);
}

/** What `use` reads of it. Rejects with an `UnreadableFile`. */
export async function fromFile<T>(file: string, use: (handle: FileHandle) => Promise<T>): Promise<T> {
  const handle = await openFile(file);
  try {
    return await use(handle);
  } catch (error) {
    throw new UnreadableFile(file, error);
  } finally {
    await handle.close();
  }
}

/** In UTF-8. Throws an `UnreadableFile`. */
export function textOfFile(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new UnreadableFile(file, error);
  }
}

async function openFile(file: string): Promise<FileHandle> {
  try {
    return await open(file);
  } catch (error) {
    throw new UnreadableFile(file, error);
  }
}

function sentenceOf(file: string, cause: unknown): string {
  switch (codeOf(cause)) {
    case "ENOENT":
      return `there is no file ${file}`;
    case "EISDIR":
      return `${file} is a folder: name a file`;
    case "EACCES":
    case "EPERM":
      return `${file} is not readable for this user: run the command as root, or as one who may read it`;
    default:
      return `${file} cannot be read: ${errorMessage(cause)}`;
  }
}
