/** Why a socket of a listener cannot be opened, where the configuration has that, and how to mend it. */
import { dirname } from "node:path";
import { formatProblem, type Problem } from "../config/check/report.ts";
import type { Configuration } from "../config/configuration.ts";
import { formatListenAddress, type ListenAddress } from "../config/schema/values.ts";
import { type KeyPath, keyOf } from "../config/syntax/tree.ts";
import { checkPlace, UnknownGroup } from "../file/socket-place.ts";
import { isRefused } from "../store/private-file.ts";
import { codeOf } from "../text/error-code.ts";
import { messageOf } from "./message-of.ts";

interface Listening {
  /** The name of the listener. */
  readonly name: string;
  /** Which of its addresses. */
  readonly index: number;
  readonly bind: ListenAddress;
  readonly socketGroup: string | undefined;
}

export class ListenProblem extends Error {
  override name = "ListenProblem";
  readonly what: string;
  readonly path: KeyPath;

  constructor({ name, index, bind, socketGroup }: Listening, cause: unknown) {
    const code = codeOf(cause);
    const isOfGroup = cause instanceof UnknownGroup || (cause instanceof Error && "syscall" in cause && cause.syscall === "chown");
    const path: KeyPath = ["listener", name, ...(isOfGroup ? ["socket-group"] : ["bind", index])];
    const what =
      isOfGroup && code === "EPERM" ? strangeGroup(socketGroup) : (sentenceOf(bind, code) ?? `${messageOf(cause)}.${mendOf(cause, bind)}`);
    super(`${path.reduce<string>(keyOf, "")}: ${what}`, { cause });
    this.path = path;
    this.what = what;
  }
}

/** What would keep UNIX sockets from being opened, as far as that is seen without opening them. Folders and groups may be made before the daemon starts. */
export function socketWarnings(configuration: Configuration): readonly string[] {
  const warnings = [...configuration.listeners, ...configuration.httpListeners].flatMap(({ name, bind: all, socketGroup }) =>
    all.flatMap((bind, index) => {
      try {
        if (bind.kind === "unix") checkPlace(bind.path, socketGroup);
        return [];
      } catch (cause) {
        // The daemon may be another user.
        return isRefused(cause) ? [] : messageIn(configuration, new ListenProblem({ name, index, bind, socketGroup }, cause), "warning");
      }
    }),
  );
  // Of a group once.
  return [...new Set(warnings)];
}

/** What is said of an error in serving by the configuration. */
export function messageIn(configuration: Configuration | undefined, error: unknown, severity: Problem["severity"] = "error"): string {
  if (!(error instanceof ListenProblem)) return messageOf(error);
  const place = configuration?.placeOf(error.path);
  if (configuration === undefined || place === undefined) return error.message;
  const { line, column } = place;
  const key = error.path.reduce<string>(keyOf, "");
  return formatProblem({ severity, file: configuration.file, line, column, key, message: error.what });
}

function strangeGroup(group = ""): string {
  return `this user may not give a socket to the group "${group}", which it is not a member of. Make it one (usermod -aG), or name another group.`;
}

/** Something is there already, by what looked. */
function mendOf(cause: unknown, bind: ListenAddress): string {
  const isOccupied = bind.kind === "unix" && cause instanceof Error && codeOf(cause) === "" && !(cause instanceof UnknownGroup);
  return isOccupied ? " End or remove it, or choose another path." : "";
}

/** `undefined`: the message of the error says it best. */
function sentenceOf(bind: ListenAddress, code: string): string | undefined {
  if (code === "EMFILE") return "this process may open no more files. Raise LimitNOFILE (ulimit -n).";
  const address = formatListenAddress(bind);
  if (bind.kind === "unix") return ofFolder(dirname(bind.path), code);
  switch (code) {
    case "EADDRINUSE":
      return `another program listens on ${address}. End it, or choose another port.`;
    case "EADDRNOTAVAIL":
      return `this machine has no address ${bind.host}. Correct it, or wait until the network is up.`;
    case "EACCES":
      return `this user may not listen on ${address}. Choose a port from 1024 on, or let systemd open it (postern.socket).`;
    default:
      return undefined;
  }
}

function ofFolder(folder: string, code: string): string | undefined {
  switch (code) {
    case "ENOENT":
      return `there is no folder ${folder}. Create it, or correct the path.`;
    case "ENOTDIR":
      return `${folder} is not a folder. Correct the path.`;
    case "EACCES":
    case "EPERM":
      return `this user may not create a socket in ${folder}. Change the owner or the mode of that folder, or choose another one.`;
    case "EROFS":
      return `${folder} cannot be written to, here or in the unit. Choose another folder, or add ReadWritePaths= to the unit.`;
    default:
      return undefined;
  }
}
