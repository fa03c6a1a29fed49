/** Decisions as server-sent events, for as long as somebody reads them. */
import type { ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { DecisionPage, Operations } from "./api.ts";
import type { DecisionFilter } from "./decision-filter.ts";
import { HttpError, sendPortions } from "./exchange.ts";

/** How often it is looked for more, so that whoever decides need not know who reads. */
const everyMs = 250;
/** Nobody reads faster. What comes beyond it is counted and left out. */
const perSecond = 50;
/** As many at once after a while in which fewer came. */
const atOnce = 200;
const mostAtFirst = 2000;
/** A reader that has gone shows by what is written to it. */
const aliveMs = 15_000;
const maxStreams = 32;

export const streamType = "text/event-stream; charset=utf-8";

export class EventStreams {
  #count = 0;
  readonly #ending = new AbortController();

  /** First the last ones that match, then those that follow; until the reader has gone. Whoever reads slowly gets fewer. */
  async follow(response: ServerResponse, operations: Operations, filter: DecisionFilter, limit: number): Promise<void> {
    if (this.#count >= maxStreams) throw new HttpError(429, `${maxStreams} readers follow decisions already`);
    this.#count += 1;
    try {
      const first = await operations.decisions(filter, Math.min(limit, mostAtFirst));
      await sendPortions(response, streamType, this.#events(response, operations, filter, first));
    } finally {
      this.#count -= 1;
    }
  }

  async *#events(response: ServerResponse, operations: Operations, filter: DecisionFilter, first: DecisionPage): AsyncGenerator<string> {
    yield ": decisions\n\n";
    for (let [page, allowed, silentMs] = [first, atOnce, 0]; ; ) {
      silentMs = page.count + page.missed === 0 ? silentMs + everyMs : 0;
      if (page.missed > 0) yield `event: missed\ndata: ${page.missed}\n\n`;
      for await (const texts of page.texts) yield texts.map(eventOf).join("");
      if (silentMs > 0 && silentMs % aliveMs === 0) yield ": alive\n\n";
      await this.#pause();
      if (response.destroyed || this.#ending.signal.aborted) return;
      allowed = Math.min(atOnce, allowed + (perSecond * everyMs) / 1000);
      page = await operations.decisions(filter, Math.floor(allowed), page.mark);
      allowed -= page.count;
    }
  }

  async #pause(): Promise<void> {
    try {
      await delay(everyMs, undefined, { ref: false, signal: this.#ending.signal });
    } catch {
      // It ends.
    }
  }

  close(): void {
    this.#ending.abort();
  }
}

/** Of a `KeptDecision` as JSON, which begins with its id. */
function eventOf(text: string): string {
  const begin = '{"id":"'.length;
  return `id: ${text.slice(begin, text.indexOf('"', begin))}\ndata: ${text}\n\n`;
}
