/** Lines of a stream: whatever its portions are, and however long one is. */
import { Readable } from "node:stream";
import fc from "fast-check";
import { expect, test } from "vitest";
import { linesOf } from "../../../src/cli/lines.ts";

async function linesIn(portions: Iterable<Buffer>): Promise<readonly string[]> {
  const lines: string[] = [];
  for await (const line of linesOf(Readable.from(portions, { objectMode: false }))) lines.push(line);
  return lines;
}

test("portions of any size have the same lines, without those that say nothing", async () => {
  const bytes = Buffer.from('{"a":"ä€😀"}\n\r\n \nb\r\nlast');
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(bytes.length)), async (cuts) => {
      const places = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
      const portions = places.slice(1).map((end, index) => bytes.subarray(places[index], end));
      expect(await linesIn(portions)).toEqual(['{"a":"ä€😀"}', "b", "last"]);
    }),
  );
});

test("of a line without end only its beginning is read, and those after it are whole", async () => {
  function* portions() {
    for (let count = 0; count < 64; count += 1) yield Buffer.alloc(65_536);
    yield Buffer.from("\0\nnext\n");
  }
  const [long = "", ...others] = await linesIn(portions());
  expect(long.length).toBeLessThan(1_200_000);
  expect(others).toEqual(["next"]);
});
