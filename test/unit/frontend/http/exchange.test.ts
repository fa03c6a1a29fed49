/** Bodies of requests, which come in parts. */
import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { readBody } from "../../../../src/frontend/http/exchange.ts";
import { octetsInUse } from "../../../support/kept.ts";

// All that is asked of a request here is what any stream has.
const requestOf = (parts: AsyncIterable<Buffer>) => Readable.from(parts) as IncomingMessage;

test("a body in the smallest parts takes no more memory than in one", async () => {
  const count = 60_000;
  let kept = 0;
  async function* parts() {
    const before = octetsInUse();
    for (let part = 0; part < count; part += 1) {
      // As from a socket, which has its turn between.
      if (part % 1000 === 0) await setImmediate();
      yield Buffer.from("a");
    }
    await setImmediate();
    kept = octetsInUse() - before;
  }
  expect(await readBody(requestOf(parts()))).toBe("a".repeat(count));
  expect(kept).toBeLessThan(40 * count);
});
