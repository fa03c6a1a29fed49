/** What a request and a message may allocate. It is counted, not timed, so that it holds on a busy machine as well. */
import { expect, test } from "vitest";
import { measureOctets, type Octets } from "../bench/hot-paths.ts";

/** As it was when it was last changed; to be lowered when it has become less. */
const usual: Octets = {
  "policy request": 4200,
  "policy request, logged": 5700,
  "policy request, greylisted": 7300,
  "milter message": 18_200,
};

test("allocates no more than twice the usual", async () => {
  const octets = await measureOctets();
  for (const [name, figure] of Object.entries(usual)) {
    expect.soft(octets[name as keyof Octets], name).toBeLessThan(2 * figure);
  }
});
