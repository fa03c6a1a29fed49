/** UNIX sockets that appear with their mode and group already set, in the place of a file that nobody serves any more. */
import { chmodSync, chownSync, lstatSync, mkdtempSync, readFileSync, renameSync, rmSync, unlinkSync } from "node:fs";
import { connect, type Server } from "node:net";
import { basename, dirname, join } from "node:path";

export interface UnixSocket {
  readonly path: string;
  /** As chmod takes it. */
  readonly mode: number;
  /** A name or a number; `undefined`: the group of the process. */
  readonly group: string | undefined;
}

/** Listens; the result removes the socket file, unless another process has put its own there. */
export async function listenUnix(server: Server, { path, mode, group }: UnixSocket): Promise<() => void> {
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
    if (groupId !== undefined) chownSync(stagedPath, -1, groupId);
    chmodSync(stagedPath, mode);
    renameSync(stagedPath, path);
  } catch (error) {
    server.close();
    throw error;
  } finally {
    rmSync(stagingDirectory, { recursive: true, force: true });
  }
  const own = lstatSync(path).ino;
  return () => {
    if (lstatSync(path, { throwIfNoEntry: false })?.ino === own) unlinkSync(path);
  };
}

/** Throws when something else is there: a file that is no socket, or a socket that somebody serves. */
async function checkFree(path: string): Promise<void> {
  const present = lstatSync(path, { throwIfNoEntry: false });
  if (present === undefined) return;
  if (!present.isSocket()) throw new Error(`${path} is there and is not a socket`);
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

function groupIdOf(group: string): number {
  if (/^\d+$/.test(group)) return Number(group);
  for (const line of readFileSync("/etc/group", "utf8").split("\n")) {
    const [name, , id] = line.split(":");
    if (name === group && id !== undefined) return Number(id);
  }
  throw new Error(`no group "${group}" in /etc/group; name another, or give its number`);
}
