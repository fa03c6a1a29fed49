/** What the builders of the parts share: the document that they complete, where problems go, and how files are read. */
import { resolve } from "node:path";
import type { Report } from "../check/report.ts";
import type { Document } from "../schema/schema.ts";
import type { Path } from "../syntax/tree.ts";

/** The text of a file; throws as node:fs does. */
export type ReadFile = (path: string) => string;

/** Names that the file gives, also those whose entries are wrong: they are no unknown names. */
export interface Declared {
  readonly stores: ReadonlySet<string>;
  readonly directories: ReadonlySet<string>;
  readonly lookups: ReadonlySet<string>;
  /** In lower case. */
  readonly scripts: ReadonlySet<string>;
}

export interface Build {
  readonly document: Document;
  readonly declared: Declared;
  readonly report: Report;
  /** The folder that paths are relative to. */
  readonly folder: string;
  readonly readFile: ReadFile;
}

export function absolute({ folder }: Build, path: string): string {
  return resolve(folder, path);
}

/** `undefined`: it cannot be read, which has been reported. */
export function textOf({ report, readFile }: Build, path: Path, file: string): string | undefined {
  try {
    return readFile(file);
  } catch (error) {
    report.error(path, cannotRead(file, error));
    return undefined;
  }
}

export const notUtf8 = "is not text in UTF-8. Convert it.";

export function cannotRead(file: string, error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT") return `there is no file ${file}. Create it, or correct the path.`;
  if (code === "EACCES") return `${file} may not be read. Give the user of the daemon the right to.`;
  return `${file} cannot be read (${error instanceof Error ? error.message : String(error)}). Correct the path or the file.`;
}
