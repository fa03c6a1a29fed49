/** What comes while a request is being answered, as far as it is looked at: it may say that nobody waits for that answer any more. */
import { portionOctets } from "../../wire/backlog.ts";
import type { Protocol } from "./protocol.ts";

/** Requests; a peer that gives up on one says so at once or after few others. */
const maxRequests = 100;

export class Ahead<Request> {
  readonly #decode: () => Request | undefined;
  readonly #revokes: Protocol<Request>["revokes"];
  #requests: Request[] = [];
  #octets = 0;

  constructor(decode: () => Request | undefined, revokes: Protocol<Request>["revokes"]) {
    this.#decode = decode;
    this.#revokes = revokes;
  }

  /** No more should be read for now. A peer that waits for its reply sends nothing, and is read on so that its end is seen. */
  get isFull(): boolean {
    return this.#revokes === undefined || this.#octets > portionOctets || this.#requests.length >= maxRequests;
  }

  /** So many octets have come. */
  came(octets: number): void {
    this.#octets += octets;
  }

  /** Whether what has come revokes the request that is being answered. */
  revokes(hasPeerEnded: boolean): boolean {
    if (this.#revokes === undefined) return false;
    while (this.#requests.length < maxRequests) {
      const request = this.#decode();
      if (request === undefined) break;
      this.#requests.push(request);
    }
    return this.#requests.some(this.#revokes) || (hasPeerEnded && this.#revokes(undefined));
  }

  next(): Request | undefined {
    return this.#requests.shift() ?? this.#decode();
  }

  /** All is answered. */
  caughtUp(): void {
    this.#octets = 0;
  }

  drop(): void {
    this.#requests = [];
  }
}
