/** Sessions for tests: by default an unknown client from 203.0.113.9 on port 25. */
import { beginTransaction, openSession, type Session } from "../../src/stage/session.ts";

interface Facts {
  readonly port?: number;
  readonly trusted?: boolean;
  readonly login?: string;
  readonly tls?: boolean;
  readonly helo?: string;
  readonly sender?: string;
}

export function session({ port = 25, trusted = false, login = "", tls = false, helo = "mx.client.example", sender }: Facts = {}): Session {
  const opened = openSession(
    {
      listener: "smtp",
      client: { address: "203.0.113.9", name: "mx.client.example", port: 4321 },
      server: { address: "192.0.2.1", port },
      trusted,
    },
    login,
    tls,
  );
  opened.helo = helo;
  if (sender !== undefined) beginTransaction(opened, sender);
  return opened;
}
