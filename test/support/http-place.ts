/** An HTTP listener on loopback before a daemon that is made up: it says what it was asked to do. */
import { once } from "node:events";
import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { onTestFinished } from "vitest";
import type { Decision } from "../../src/frontend/decision.ts";
import { type AccessSettings, Sessions } from "../../src/frontend/http/access.ts";
import { AnswerPlaces } from "../../src/frontend/http/answer-places.ts";
import type { Operations } from "../../src/frontend/http/api.ts";
import { DecisionLog } from "../../src/frontend/http/decision-log.ts";
import { EventStreams } from "../../src/frontend/http/event-stream.ts";
import { openHttpListener } from "../../src/frontend/http/http-listener.ts";
import { answerHttp } from "../../src/frontend/http/routes.ts";
import type { Notice, Once } from "../../src/frontend/notice.ts";
import { refusedAmong } from "./refused-among.ts";

export const aDecision: Decision = {
  ...{ event: "decision", listener: "smtp", stage: "rcpt", client: "192.0.2.7", clientName: "mx.a.example", clientPort: 1025 },
  ...{ serverPort: 25, helo: "mx.a.example", tls: false, auth: "", sender: "a@b.example", recipient: "john@example.org", instance: "1.1" },
  ...{ verdict: "reject", reply: "550 5.1.2 Mailbox does not exist.", reason: "unknown-mailbox", resolved: [], ms: 0.5 },
};

export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface Asked {
  readonly method?: string;
  readonly path: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string;
}

export interface HttpPlaceOptions {
  readonly settings?: AccessSettings;
  /** Which take the place of those here. */
  readonly operations?: Partial<Operations>;
  readonly unreadMs?: number;
}

const noToken: AccessSettings = { token: undefined, allowedHosts: [] };

export async function httpPlace({ settings = noToken, operations: others = {}, unreadMs }: HttpPlaceOptions = {}) {
  /** Changes, by the names of what would carry them out. */
  const done: string[] = [];
  const notices: Notice[] = [];
  const remarks: Once[] = [];
  const time = { now: Date.UTC(2026, 0, 1) };
  const log = new DecisionLog("", () => time.now);
  const unused = () => {
    throw new Error("a bug of the test");
  };
  const operations: Operations = {
    session: () => ({ version: "1", hostname: "mx.example.org", mode: "enforce", keepSeconds: null }),
    readiness: async () => ({ ready: false, reasons: ["store pg: away"] }),
    status: unused,
    metrics: async () => "# EOF\n",
    async archived(search) {
      done.push(JSON.stringify(search));
      return { texts: [], next: null, reached: null };
    },
    async refusedEarlier(span) {
      done.push(JSON.stringify(span));
      return { ...refusedAmong([]), reached: null };
    },
    decisions: async (filter, limit, since) => log.last(filter, limit, since),
    refused: async (filter) => log.refused(filter),
    explain: async () => [],
    greylist: async () => ({ entries: [], next: null }),
    async allow({ client }) {
      done.push(`allow ${client}`);
      return { done: true };
    },
    async forget({ client }) {
      done.push(`forget ${client}`);
      return { done: true };
    },
    throttles: async () => [],
    async resetThrottle({ name }) {
      done.push(`reset ${name}`);
      return { done: true };
    },
    address: unused,
    configuration: unused,
    series: unused,
    ...others,
  };
  const streams = new EventStreams();
  const answer = answerHttp({
    ...{
      listener: "web",
      settings: () => settings,
      operations,
      streams,
      places: new AnswerPlaces(),
      sessions: new Sessions(() => time.now),
    },
    onNotice(notice, once) {
      notices.push(notice);
      if (once !== undefined) remarks.push(once);
    },
  });
  const listener = openHttpListener({
    ...{ name: "web", maxConnections: () => 10, answer, onNotice: (notice) => notices.push(notice) },
    ...(unreadMs !== undefined && { unreadMs }),
  });
  const server = createServer({ allowHalfOpen: true }, (socket) => listener.take(socket)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  onTestFinished(async () => {
    server.close();
    streams.close();
    await listener.finish(0);
  });

  async function ask({ method = "GET", path, headers = {}, body }: Asked): Promise<Answered> {
    const asking = request({ host: "127.0.0.1", port, method, path, headers, agent: false });
    asking.end(body);
    const [response] = await once(asking, "response");
    let text = "";
    for await (const chunk of response.setEncoding("utf8")) text += chunk;
    return { status: response.statusCode, headers: response.headers, text };
  }

  return { ask, port, host: `127.0.0.1:${port}`, done, notices, remarks, log, time, listener };
}
