/** Decisions as server-sent events, for as long as somebody reads them. */
import type { ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { DecisionPage, Operations } from "./api.ts";
import type { DecisionFilter } from "./decision-filter.ts";
import { HttpError } from "./exchange.ts";

/** How often it is looked for more, so that whoever decides need not know who reads. */
const everyMs = 250;
/** Nobody reads faster. What comes beyond it is counted and left out. */
const perSecond = 50;
/** As many at once after a while in which fewer came. */
const atOnce = 200;
const mostAtFirst = 2000;
/** What a slow reader has not taken; until then it gets no more. */
const maxUnsentOctets = 1_048_576;
/** A reader that has gone shows by what is written to it. */
const aliveMs = 15_000;
const maxStreams = 32;

export class EventStreams {
  readonly #open = new Set<ServerResponse>();

  /** First the last ones that match, then those that follow; until the reader has gone. */
  async follow(response: ServerResponse, operations: Operations, filter: DecisionFilter, limit: number): Promise<void> {
    if (this.#open.size >= maxStreams) throw new HttpError(429, `${maxStreams} readers follow decisions already`);
    this.#open.add(response);
    try {
      let page = await operations.decisions(filter, Math.min(limit, mostAtFirst));
      response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
      response.write(": decisions\n\n");
      let [allowed, silentMs] = [atOnce, 0];
      while (isOpen(response)) {
        const events = eventsOf(page);
        silentMs = events === "" ? silentMs + everyMs : 0;
        if (silentMs % aliveMs === 0) response.write(events || ": alive\n\n");
        do {
          await delay(everyMs, undefined, { ref: false });
          allowed = Math.min(atOnce, allowed + (perSecond * everyMs) / 1000);
        } while (isOpen(response) && response.writableLength > maxUnsentOctets);
        page = await operations.decisions(filter, Math.floor(allowed), page.mark);
        allowed -= page.decisions.length;
      }
    } finally {
      this.#open.delete(response);
    }
  }

  close(): void {
    for (const response of this.#open) response.end();
  }
}

function isOpen(response: ServerResponse): boolean {
  return !response.writableEnded && !response.destroyed;
}

function eventsOf({ decisions, missed }: DecisionPage): string {
  const events = decisions.map((decision) => `id: ${decision.id}\ndata: ${JSON.stringify(decision)}\n\n`).join("");
  return missed > 0 ? `event: missed\ndata: ${missed}\n\n${events}` : events;
}
