/**
 * Sockets that read into one buffer, which all of them share. Node has this for a socket that connects (`onread`), and not for one that a
 * server has accepted; those allocate a buffer of 64 KB for each portion, which takes as long as all else that a socket does.
 */
import { Socket, type SocketConstructorOpts } from "node:net";
import { portionOctets } from "../../wire/backlog.ts";

type Handle = NonNullable<SocketConstructorOpts["handle"]>;

let buffer: Buffer | undefined;

/**
 * The socket to be used in place of the given one. What comes is in the first `octets` of the bytes, and only until `take` returns. Whoever
 * waits for the given one to close is told when the returned one is closed.
 */
export function readTogether(given: Socket, take: (bytes: Buffer, octets: number) => void): Socket {
  const handle = takeHandle(given);
  if (handle === undefined) {
    given.on("data", (bytes: Buffer) => take(bytes, bytes.length));
    return given;
  }
  buffer ??= Buffer.allocUnsafeSlow(portionOctets);
  const shared = buffer;
  const callback = (octets: number) => {
    take(shared, octets);
    return true;
  };
  const { allowHalfOpen } = given;
  const socket = new Socket({ handle, allowHalfOpen, onread: { buffer: shared, callback } });
  for (const listener of given.listeners("close")) socket.once("close", () => listener.call(given));
  given.removeAllListeners("close").destroy();
  return socket;
}

/** What `net.Server` makes sockets of, which has no public name. `undefined`: the socket must keep it, since it may have read already. */
function takeHandle(given: Socket): Handle | undefined {
  const owner = given as { _handle?: Handle | null };
  const handle = owner._handle;
  if (!handle || given.readableLength > 0) return undefined;
  owner._handle = null;
  return handle;
}
