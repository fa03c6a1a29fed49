/** CancelRequest of PostgreSQL (53.2.8): the server ends what it does for a client. What it has ended already, it ignores. */
import { isIP, type Socket } from "node:net";
import type pg from "pg";
import { onDemand } from "../text/on-demand.ts";

const driver = onDemand<typeof pg>("pg");

/** What the types of pg leave out. */
interface Cancelled {
  readonly host: string;
  readonly port: number;
  readonly processID: number | null;
  readonly secretKey: number | null;
  readonly ssl: pg.ClientConfig["ssl"];
  readonly connection: { readonly stream: Socket };
}

interface Canceller {
  readonly stream: Socket;
  connect(port: number | string, host?: string): void;
  requestSsl(): void;
  cancel(processId: number, secretKey: number): void;
  on(name: "connect" | "sslconnect" | "error", listener: () => void): void;
}

/** To the address that the client is connected with: others of that name are other servers. It is not known whether it was of use. */
export function cancel(client: pg.ClientBase, timeoutMs: number): void {
  // pg's own Client and Connection have these.
  const { host, port, processID, secretKey, ssl, connection } = client as unknown as Cancelled;
  const { remoteAddress, remotePort } = connection.stream;
  if (processID === null || secretKey === null) return;
  const config = typeof ssl === "object" ? { ssl: { ...ssl, host, ...(isIP(host) === 0 && { servername: host }) } } : {};
  const canceller = new (driver().Connection)(config) as unknown as Canceller;
  const send = () => canceller.cancel(processID, secretKey);
  canceller.on("error", () => canceller.stream.destroy());
  canceller.on("connect", "ssl" in config ? () => canceller.requestSsl() : send);
  canceller.on("sslconnect", send);
  if (host.startsWith("/")) canceller.connect(`${host}/.s.PGSQL.${port}`);
  else if (remoteAddress !== undefined && remotePort !== undefined) canceller.connect(remotePort, remoteAddress);
  else return;
  const { stream } = canceller;
  stream.unref();
  const timer = setTimeout(() => stream.destroy(), timeoutMs).unref();
  stream.once("close", () => clearTimeout(timer));
}
