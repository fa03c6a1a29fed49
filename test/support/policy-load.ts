/** Many policy connections, each of which sends its next request when the previous one is answered. */
import { performance } from "node:perf_hooks";
import { openPolicy } from "./policy-client.ts";

export interface PolicyAnswer {
  readonly action: string;
  /** Milliseconds since the epoch; the daemon answered between them. */
  readonly asked: number;
  readonly answered: number;
  readonly tookMs: number;
}

export interface PolicyLoad {
  readonly port: number;
  readonly connections: number;
  /** The next request on that connection; `undefined`: there are no more. */
  readonly next: (connection: number) => Readonly<Record<string, string>> | undefined;
  readonly onAnswer: (question: Readonly<Record<string, string>>, answer: PolicyAnswer) => void;
}

/** Ends when every connection has sent all requests or was closed by the daemon; resolves with how many were closed. */
export async function loadPolicy({ port, connections, next, onAnswer }: PolicyLoad): Promise<number> {
  const clients = await Promise.all(Array.from({ length: connections }, () => openPolicy(port)));
  const closed = await Promise.all(
    clients.map(async (client, connection) => {
      for (let question = next(connection); question !== undefined; question = next(connection)) {
        const [asked, from] = [Date.now(), performance.now()];
        const action = await client.ask(question).catch(() => undefined);
        if (action === undefined) return 1;
        onAnswer(question, { action, asked, answered: Date.now(), tookMs: performance.now() - from });
      }
      client.end();
      return 0;
    }),
  );
  return closed.reduce<number>((sum, one) => sum + one, 0);
}
