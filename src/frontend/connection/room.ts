/**
 * Room for what has come of long requests that are not whole yet. All connections of the process share it, so that its memory does not grow
 * with the number of those that begin a request and leave it there. What fits into two portions takes nothing of it.
 */
import { reply } from "../../mail/reply.ts";

/** To a client whose MTA asked what there was no room for. */
export const tooMuchAtOnce = reply(452, "4.3.1", "Too much at once, please try again later.");

/** For some 80 milter commands or 160 policy requests of the largest kind at once. No MTA of today sends any that is so long. */
const maxOctets = 16 * 1024 * 1024;

export class Room {
  readonly maxOctets: number;
  #left: number;
  /** In the order in which they came; each with what it needs. */
  readonly #waiting = new Map<() => void, number>();

  constructor(octets = maxOctets) {
    this.maxOctets = octets;
    this.#left = octets;
  }

  /** `false`: there is not so much, or others wait for it. */
  take(octets: number): boolean {
    if (this.#waiting.size > 0 || octets > this.#left) return false;
    this.#left -= octets;
    return true;
  }

  /** `onTaken` is called when it was taken for whoever waits. The result calls it off. */
  wait(octets: number, onTaken: () => void): () => void {
    this.#waiting.set(onTaken, octets);
    return () => {
      if (this.#waiting.delete(onTaken)) this.#serve();
    };
  }

  leave(octets: number): void {
    this.#left += octets;
    this.#serve();
  }

  #serve(): void {
    for (const [onTaken, octets] of this.#waiting) {
      if (octets > this.#left) return;
      this.#left -= octets;
      this.#waiting.delete(onTaken);
      onTaken();
    }
  }
}
