/** An SMTP or LMTP server whose every reply a test decides. */
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { type SecureContextOptions, TLSSocket } from "node:tls";

export interface SmtpServerOptions {
  /**
   * The bytes to send for a command, or for `connect`; `undefined`: the usual ones. "" says nothing, and `hang up` closes the connection
   * after what stands before it.
   */
  readonly reply?: (command: string, connection: number) => string | undefined;
  /** Further keywords of EHLO. */
  readonly offers?: readonly string[];
  /** For STARTTLS, which is offered with it. */
  readonly certificate?: SecureContextOptions;
  /** Default: a free port of 127.0.0.1. */
  readonly at?: string | number;
}

export interface SmtpServer {
  readonly port: number;
  /** Commands, those of different connections in the order in which they came; `connect` for a new one. */
  readonly commands: string[];
  /** Connections that are open now. */
  readonly open: ReadonlySet<Socket>;
  /** All connections are cut. */
  close(): Promise<void>;
}

export const hangUp = "hang up";

/** Of the usual recipients `full` is over quota, `later` is deferred, and what neither begins with `x` or `postern-probe` nor has a tag exists. */
const usual: readonly (readonly [command: RegExp, reply: string])[] = [
  [/^RCPT TO:<full@/, "452 4.2.2 Mailbox full of secrets"],
  [/^RCPT TO:<later@/, "451 4.3.0 Later"],
  [/^RCPT TO:<(?:x|postern-probe|[^@]*\+)/, "550 5.1.1 No such user at inner.example"],
  [/^RCPT /, "250 2.1.5 Yes"],
  [/^MAIL FROM:<>/, "250 2.1.0 Fine"],
  [/^RSET$/, "250 2.0.0 Fine"],
  [/^QUIT$/, `221 2.0.0 Bye\r\n${hangUp}`],
];

export async function startSmtpServer({
  reply = () => undefined,
  offers = [],
  certificate,
  at = 0,
}: SmtpServerOptions = {}): Promise<SmtpServer> {
  const commands: string[] = [];
  const open = new Set<Socket>();
  let count = 0;

  const converse = (socket: Socket, connection: number, isSecure: boolean) => {
    const keywords = [...offers, ...(certificate !== undefined && !isSecure ? ["STARTTLS"] : [])];
    const say = (command: string) => {
      commands.push(command);
      const [, text = "502 5.5.1 What?"] = usual.find(([known]) => known.test(command)) ?? [];
      const greeting = ["inner.example", ...keywords]
        .map((line, index) => `250${index === keywords.length ? " " : "-"}${line}\r\n`)
        .join("");
      const standard = command === "connect" ? "220 inner.example\r\n" : /^(?:EHLO|LHLO) /.test(command) ? greeting : `${text}\r\n`;
      const bytes = reply(command, connection) ?? (command === "STARTTLS" ? "220 2.0.0 Go\r\n" : standard);
      const [before = "", ...rest] = bytes.split(hangUp);
      if (rest.length > 0) return socket.end(before);
      if (before !== "") socket.write(before);
      if (command === "STARTTLS" && before.startsWith("220") && certificate !== undefined) {
        socket.removeAllListeners("data");
        converse(new TLSSocket(socket, { isServer: true, ...certificate }), connection, true);
      }
      return undefined;
    };
    let text = "";
    socket.on("error", () => {});
    socket.on("data", (portion: Buffer) => {
      const lines = (text + portion.toString()).split("\r\n");
      text = lines.pop() ?? "";
      for (const line of lines) say(line);
    });
    if (!isSecure) say("connect");
  };

  const server = createServer((socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    count += 1;
    converse(socket, count, false);
  });
  server.listen(typeof at === "string" ? { path: at } : { port: at, host: "127.0.0.1" });
  await once(server, "listening");
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    commands,
    open,
    async close() {
      server.close();
      for (const socket of open) socket.destroy();
      await once(server, "close");
    },
  };
}
