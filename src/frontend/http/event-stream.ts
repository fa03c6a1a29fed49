/** Decisions as server-sent events, for as long as somebody reads them. */
import type { ServerResponse } from "node:http";
import type { KeptDecision, Operations } from "./api.ts";
import type { DecisionFilter } from "./decision-filter.ts";
import { HttpError } from "./exchange.ts";

/** What a slow reader has not taken; what comes beyond it is counted and left out. */
const maxUnsentOctets = 1_048_576;
/** A reader that has gone shows by what is written to it. */
const aliveMs = 15_000;
const maxStreams = 32;

export class EventStreams {
  readonly #open = new Set<ServerResponse>();

  /** First the last ones that match, then those that follow. */
  async open(response: ServerResponse, operations: Operations, filter: DecisionFilter, limit: number): Promise<void> {
    if (this.#open.size >= maxStreams) throw new HttpError(429, `${maxStreams} readers follow decisions already`);
    this.#open.add(response);
    let missed = 0;
    const write = (decision: KeptDecision) => {
      if (response.writableLength > maxUnsentOctets) {
        missed += 1;
        return;
      }
      if (missed > 0) response.write(`event: missed\ndata: ${missed}\n\n`);
      missed = 0;
      response.write(`id: ${decision.id}\ndata: ${JSON.stringify(decision)}\n\n`);
    };
    // What comes while the earlier ones are gathered follows them.
    let early: KeptDecision[] | undefined = [];
    const stop = operations.watch(filter, (decision) => {
      if (early === undefined) write(decision);
      else early.push(decision);
    });
    const alive = setInterval(() => response.write(": alive\n\n"), aliveMs);
    response.once("close", () => {
      stop();
      clearInterval(alive);
      this.#open.delete(response);
    });
    const last = await operations.decisions(filter, limit);
    response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
    response.write(": decisions\n\n");
    const known = new Set(last.map(({ id }) => id));
    for (const decision of last) write(decision);
    for (const decision of early) if (!known.has(decision.id)) write(decision);
    early = undefined;
  }

  close(): void {
    for (const response of this.#open) response.end();
  }
}
