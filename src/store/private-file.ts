/** The files of databases in the daemon's own folders: only it may read them, whatever the umask is. */
import { accessSync, closeSync, constants, existsSync, fchownSync, mkdirSync, openSync, rmdirSync, type Stats, statSync } from "node:fs";
import { dirname } from "node:path";
import { codeOf } from "../text/error-code.ts";

/** Creates the file of a database, if there is none, and its folder. SQLite gives its other files the mode and the owner of this one. */
export function createPrivately(path: string): void {
  if (existsSync(path)) return;
  const folder = dirname(path);
  makeFolder(folder);
  if (process.geteuid?.() === 0 && createFor(statSync(folder), path)) return;
  closeSync(openSync(path, "a", 0o600));
}

/** By root for the owner of the folder, who would else be shut out. False where there is something already, such as a link, which may lead anywhere. */
function createFor({ uid, gid }: Stats, path: string): boolean {
  try {
    const file = openSync(path, "ax", 0o600);
    try {
      fchownSync(file, uid, gid);
    } catch {
      // Root may lack the right to (EPERM), or a number for that owner (EINVAL): such a file is root's, who can use it.
    } finally {
      closeSync(file);
    }
    return true;
  } catch (error) {
    if (codeOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** The folder, with those above it; yields those that were not there. Not by `recursive`, which never ends where /proc refuses. */
function makeFolder(path: string): readonly string[] {
  if (existsSync(path)) return [];
  const made = makeFolder(dirname(path));
  mkdirSync(path, { mode: 0o750 });
  return [...made, path];
}

/** Throws, as node:fs does, when the file cannot be created and written. It is not created, and no folder stays behind. */
export function tryWriting(path: string): void {
  const folder = dirname(path);
  const made = makeFolder(folder);
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    if (existsSync(path)) accessSync(path, constants.R_OK | constants.W_OK);
  } finally {
    for (const each of made.toReversed()) rmdirSync(each);
  }
}

/** What the error says is that this user may not, not that nobody can. */
export function isRefused(error: unknown): boolean {
  const code = codeOf(error);
  return code === "EACCES" || code === "EPERM";
}

/** False where it may only be that this user cannot see it. */
export function isMissing(path: string): boolean {
  try {
    accessSync(path);
    return false;
  } catch (error) {
    return codeOf(error) === "ENOENT";
  }
}
