import fc from "fast-check";
import { expect, test } from "vitest";
import { foldSender } from "../../../src/stage/fold-sender.ts";
import { runs } from "../../support/runs.ts";

test.each([
  ["", ""],
  ["john@example.net", "john@example.net"],
  ["john", "john"],
  ["john+tag@example.net", "john@example.net"],
  ["+tag@example.net", "+tag@example.net"],
  ["john2@example.net", "john#@example.net"],
  ["news-2026-11-22@example.net", "news-#-#-#@example.net"],
  ["deadbeef@example.net", "deadbeef@example.net"],
  ["0100018c7f3a1b2c-6f9e21aa-000000@ses.example", "#-#-#@ses.example"],
  ["bounce-4711abcd99-x@example.net", "bounce-#-x@example.net"],
  // BATV
  ["prvs=0123abcdef=john@example.net", "john@example.net"],
  ["prvs=0123abcdef/john@example.net", "john@example.net"],
  ["prvs=john/0123abcdef@example.net", "john@example.net"],
  ["prvs=john=0123abcdef@example.net", "john@example.net"],
  ["btv1==123abc==john@example.net", "john@example.net"],
  // SRS, forwarded once and twice
  ["srs0=hhh=tt=author.example=john@fwd.example", "srs0=author.example=john@fwd.example"],
  ["srs0=xyz=ab=author.example=john@fwd.example", "srs0=author.example=john@fwd.example"],
  ["srs0+xyz=ab=author.example=john@fwd.example", "srs0=author.example=john@fwd.example"],
  ["srs1=hhh=fwd.example==hhh=tt=author.example=john@next.example", "srs1=fwd.example=author.example=john@next.example"],
  // VERP
  ["list-bounces+user=example.org@lists.example", "list-bounces@lists.example"],
  ["list-return-77-user=example.org@lists.example", "list-return-#-=@lists.example"],
  ["list-return-78-other.user=sub.example.org@lists.example", "list-return-#-=@lists.example"],
  ["list-a=b-user=example.org@lists.example", "list-a=b-=@lists.example"],
  ["list-a=user=example.org@lists.example", "list-a==@lists.example"],
  ["user=example.org@lists.example", "=@lists.example"],
  ["=example.org@lists.example", "=example.org@lists.example"],
  ["list-=example.org@lists.example", "list-=example.org@lists.example"],
  ["list-user=example_org@lists.example", "list-user=example_org@lists.example"],
  ["a=b@example.net", "a=b@example.net"],
])("%s: %s", (sender, folded) => {
  expect(foldSender(sender)).toBe(folded);
});

test("senders that differ in numbers of the same length are one", () => {
  const piece = fc.constantFrom("prvs=01#3abcdef=", "srs0=a=b=c.example=", "+", "-", "=", "#", "ab#cd", "abcdef", "john", "x.example", ".");
  const local = fc.array(piece, { minLength: 1, maxLength: 6 }).map((pieces) => pieces.join(""));
  const number = fc.integer({ min: 10, max: 99 }).map(String);
  fc.assert(
    fc.property(local, number, number, (text, one, other) => {
      const folded = (digits: string) => foldSender(`${text.replaceAll("#", digits)}@example.net`);
      expect(folded(one)).toBe(folded(other));
    }),
    { numRuns: runs(200) },
  );
});

/** Whoever connects chooses the sender; what takes the square of its length would not end within the time of a test. */
test.each(["a", "a=", "a-", "1a", "a.", "=a.", "+", "srs0="])("many %j are folded", (piece) => {
  const local = piece.repeat(200_000 / piece.length);
  expect(foldSender(`${local}x@example.net`).length).toBeLessThan(210_000);
  expect(foldSender(`prvs=${local}=x@example.net`).length).toBeLessThan(210_000);
});
