/** UNIX sockets that appear with their mode and group already set, in the place of a file that nobody serves any more. */
import { chmodSync, chownSync, lstatSync, mkdtempSync, renameSync, rmSync, unlinkSync } from "node:fs";
import { connect, type Server } from "node:net";
import { basename, dirname, join } from "node:path";
import { groupIdOf, isSocketAt } from "../../file/socket-place.ts";

/** Who may connect. */
export interface SocketAccess {
  /** As chmod takes it. */
  readonly mode: number;
  /** A name or a number; `undefined`: the group of the process. */
  readonly group: string | undefined;
}

export interface UnixSocket extends SocketAccess {
  readonly path: string;
}

/** Listens. */
export async function listenUnix(server: Server, { path, mode, group }: UnixSocket): Promise<SocketFile> {
  const groupId = group === undefined ? undefined : groupIdOf(group);
  await checkFree(path);
  // Bound in a folder that only we may enter and moved from there, it is never reachable with a wrong mode.
  // The folder has a short name, since the path of a socket has little room.
  const stagingDirectory = mkdtempSync(`${dirname(path)}/.`);
  try {
    const stagedPath = join(stagingDirectory, "s");
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(stagedPath, () => {
        server.off("error", reject);
        resolve();
      });
    });
    const { gid: usualGroupId } = lstatSync(stagedPath);
    if (groupId !== undefined) chownSync(stagedPath, -1, groupId);
    chmodSync(stagedPath, mode);
    renameSync(stagedPath, path);
    return new SocketFile(path, { mode, groupId: groupId ?? usualGroupId }, usualGroupId);
  } catch (error) {
    server.close();
    throw error;
  } finally {
    rmSync(stagingDirectory, { recursive: true, force: true });
  }
}

interface Permissions {
  readonly mode: number;
  readonly groupId: number;
}

/** By which clients reach a socket that listens. */
export class SocketFile {
  readonly #path: string;
  readonly #inode: number;
  readonly #usualGroupId: number;
  #permissions: Permissions;

  constructor(path: string, permissions: Permissions, usualGroupId: number) {
    this.#path = path;
    this.#inode = lstatSync(path).ino;
    this.#usualGroupId = usualGroupId;
    this.#permissions = permissions;
  }

  /** Nobody has removed it, or put another in its place. */
  get isInPlace(): boolean {
    return lstatSync(this.#path, { throwIfNoEntry: false })?.ino === this.#inode;
  }

  /** The result takes it back. */
  setAccess({ mode, group }: SocketAccess): () => void {
    const before = this.#permissions;
    this.#permit({ mode, groupId: group === undefined ? this.#usualGroupId : groupIdOf(group) });
    return () => this.#permit(before);
  }

  #permit(wanted: Permissions): void {
    const { mode, groupId } = this.#permissions;
    if (!this.isInPlace || (mode === wanted.mode && groupId === wanted.groupId)) return;
    try {
      // Between the two changes it is open to nobody to whom it is neither before nor after them.
      chmodSync(this.#path, mode & wanted.mode);
      if (groupId !== wanted.groupId) chownSync(this.#path, -1, wanted.groupId);
      chmodSync(this.#path, wanted.mode);
    } catch (error) {
      chmodSync(this.#path, mode);
      throw error;
    }
    this.#permissions = wanted;
  }

  /** One that cannot be removed is nobody's, and whoever listens there next puts another in its place. */
  remove(): void {
    try {
      if (this.isInPlace) unlinkSync(this.#path);
    } catch {}
  }
}

/** Throws when something else is there: a file that is no socket, or a socket that somebody serves. */
async function checkFree(path: string): Promise<void> {
  if (!isSocketAt(path)) return;
  await new Promise<void>((resolve, reject) => {
    const probe = connect(path);
    probe.once("connect", () => {
      probe.destroy();
      reject(new Error(`${path} is served by another process`));
    });
    probe.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ECONNREFUSED" || error.code === "ENOENT") resolve();
      else reject(new Error(`cannot tell whether ${basename(path)} is still served`, { cause: error }));
    });
  });
}
