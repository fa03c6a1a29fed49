/** A client of the policy protocol that sends one request after the other. */
import { connect } from "node:net";

interface PolicyClient {
  /** The action. Attributes left out are those of a RCPT of an unknown client, in a new message. Rejects if the connection is closed. */
  ask(attributes: Readonly<Record<string, string>>): Promise<string>;
  end(): void;
}

let instances = 0;

export async function openPolicy(at: number | string): Promise<PolicyClient> {
  const where = typeof at === "number" ? { host: "127.0.0.1", port: at } : { path: at };
  const socket = connect(where).setEncoding("utf8");
  await new Promise((resolve, reject) => socket.once("connect", resolve).once("error", reject));
  // An error is followed by `close`.
  socket.on("error", () => {});
  let fail: (error: Error) => void = () => {};
  const closed = new Error("the daemon closed the connection");
  socket.on("close", () => fail(closed));
  return {
    ask(attributes) {
      const request = {
        request: "smtpd_access_policy",
        protocol_state: "RCPT",
        client_address: "203.0.113.9",
        helo_name: "mx.client.example",
        sender: "a@b.example",
        instance: `p.${instances++}`,
        ...attributes,
      };
      const lines = Object.entries(request).map(([name, value]) => `${name}=${value}\n`);
      return new Promise((resolve, reject) => {
        socket.once("data", (reply: string) => resolve(/^action=(.*)\n\n$/.exec(reply)?.[1] ?? reply));
        fail = reject;
        if (socket.destroyed) reject(closed);
        socket.write(`${lines.join("")}\n`);
      });
    },
    end: () => socket.destroy(),
  };
}
