/** The server has closed a connection, or never had it; another one may work. */
export class ConnectionLost extends Error {
  override name = "ConnectionLost";
}
