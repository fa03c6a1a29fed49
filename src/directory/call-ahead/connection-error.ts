/** Ways for a connection to fail after which another one may work. */

/** The server has closed it, or never had it. */
export class ConnectionLost extends Error {
  override name = "ConnectionLost";
}

/** A command was refused that has to succeed; the connection itself goes on. */
export class CommandRefused extends Error {
  override name = "CommandRefused";
}

/** TLS, which was offered and need not be, did not come about. */
export class TlsFailed extends Error {
  override name = "TlsFailed";
}
