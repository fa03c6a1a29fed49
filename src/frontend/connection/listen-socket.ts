/** A bound socket, and whoever takes its connections. */
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { listenUnix, type SocketAccess, type SocketFile } from "./unix-socket.ts";

/** An IP address and a port (0: any that is free), or the path of a UNIX socket. */
type Bind = { readonly kind: "inet"; readonly host: string; readonly port: number } | { readonly kind: "unix"; readonly path: string };

/** A bound socket; a reload may give it to another listener. Whoever holds it says who takes its connections. */
export interface ListenSocket {
  /** What it was opened by: one that is wanted again by the same need not be opened again. */
  readonly key: string;
  /** As bound: `127.0.0.1:10040`, `[::1]:10040`, `unix:/path`. */
  readonly address: string;
  readonly bind: Bind;
  /** Clients reach it: the file of a UNIX socket may have been removed. */
  readonly isInPlace: boolean;
  onConnection: (connection: Socket) => void;
  /** Changes who may connect to a UNIX socket; the result takes it back. */
  setAccess(access: SocketAccess): () => void;
  /** Ends accepting; connections go on. */
  close(): void;
}

export interface ListenSocketOptions {
  readonly bind: Bind;
  /** It is bound there already, as the file with this number. Default: it is not. */
  readonly descriptor?: number | undefined;
  /** Of a UNIX socket, as chmod takes it. */
  readonly socketMode: number;
  /** A name or a number; `undefined`: the group of the process. */
  readonly socketGroup: string | undefined;
  /** Nothing is read from its connections, which another process is to take. Default: false. */
  readonly pauses?: boolean;
  /** Connections have taken the last file that the process may open. */
  readonly onFilesUsedUp?: () => void;
}

/** From a connection to the look whether more could come. */
const lookAtFilesMs = 100;

export function socketKey({ bind, descriptor }: ListenSocketOptions): string {
  if (descriptor !== undefined) return String(descriptor);
  return bind.kind === "unix" ? bind.path : JSON.stringify([bind.host, bind.port]);
}

/** Throws when the socket cannot be bound. Connections that nobody takes yet are closed. */
export async function openListenSocket(options: ListenSocketOptions): Promise<ListenSocket> {
  const { bind, descriptor, pauses: pauseOnConnect = false } = options;
  // Exim ends its side before it reads the reply.
  const connections = { allowHalfOpen: true, noDelay: true, keepAlive: true, pauseOnConnect };
  let looking: NodeJS.Timeout | undefined;
  /** Once for all connections that come meanwhile. */
  const lookAtFiles = () => {
    looking = undefined;
    if (areFilesUsedUp()) options.onFilesUsedUp?.();
  };
  const server = createServer(connections, (connection) => {
    looking ??= setTimeout(lookAtFiles, lookAtFilesMs).unref();
    listenSocket.onConnection(connection);
  });
  const file = await (descriptor === undefined ? bound(server, options) : handedOver(server, descriptor));
  // An error of an open server concerns one connection that could not be taken.
  server.on("error", () => {});
  const listenSocket: ListenSocket = {
    key: socketKey(options),
    address: bind.kind === "unix" ? `unix:${bind.path}` : addressOf(server, bind.host),
    bind,
    get isInPlace() {
      return file?.isInPlace ?? true;
    },
    setAccess: (access) => file?.setAccess(access) ?? (() => {}),
    onConnection: (connection) => connection.destroy(),
    close() {
      clearTimeout(looking);
      server.close();
      file?.remove();
    },
  };
  return listenSocket;
}

/** Listens. */
async function bound(server: Server, { bind, socketMode: mode, socketGroup: group }: ListenSocketOptions): Promise<SocketFile | undefined> {
  switch (bind.kind) {
    case "unix":
      return listenUnix(server, { path: bind.path, mode, group });
    case "inet": {
      const { host, port } = bind;
      // Without ipv6Only `::` would take IPv4 too, or fail when that is bound already.
      server.listen({ host, port, ipv6Only: host.includes(":") });
      await once(server, "listening");
      return undefined;
    }
  }
}

/** Its file is that of whoever bound it. */
async function handedOver(server: Server, fd: number): Promise<undefined> {
  server.listen({ fd });
  await once(server, "listening");
}

/** The next connection would then be closed before anybody here hears of it. */
function areFilesUsedUp(): boolean {
  try {
    closeSync(openSync("/dev/null", "r"));
    return false;
  } catch {
    return true;
  }
}

function addressOf(server: Server, host: string): string {
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
