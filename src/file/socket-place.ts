/** Where a UNIX socket is to be: its folder, what is there already, and the group that it is given. */
import { lstatSync, readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";

export class UnknownGroup extends Error {}

/** Throws what keeps a socket from being opened there, as far as that is seen without one. */
export function checkPlace(path: string, group: string | undefined): void {
  if (group !== undefined) groupIdOf(group);
  statSync(`${dirname(path)}/.`);
  isSocketAt(path);
}

/** False: nothing is there. Throws when what is there is no socket. */
export function isSocketAt(path: string): boolean {
  const present = lstatSync(path, { throwIfNoEntry: false });
  if (present?.isSocket() === false) throw new Error(`${path} is there and is not a socket`);
  return present !== undefined;
}

/** A name or a number. Throws an `UnknownGroup`. */
export function groupIdOf(group: string): number {
  if (/^\d+$/.test(group)) return Number(group);
  for (const line of readFileSync("/etc/group", "utf8").split("\n")) {
    const [name, , id] = line.split(":");
    if (name === group && id !== undefined) return Number(id);
  }
  throw new UnknownGroup(`no group "${group}" in /etc/group; name another, or give its number`);
}
