import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodeNetstring, maxNetstringOctets, NetstringDecoder } from "../../../src/wire/netstring.ts";
import { ProtocolError } from "../../../src/wire/protocol-error.ts";
import { cut, decodeAll, latin1, places, someBytes } from "../../support/portions.ts";

const maxKept = 20;
const decoder = () => new NetstringDecoder(maxKept);
const yields = (texts: readonly string[]) => ({ values: texts.map(latin1), error: undefined });

describe("netstrings", () => {
  test.each([
    ["0:,", [""]],
    ["5:a b c,", ["a b c"]],
    ["4:\xff,:\0,", ["\xff,:\0"]],
    ["003:abc,", ["abc"]],
    ["0000003:abc,", ["abc"]],
    ["1:a,1:b,1:c", ["a", "b"]],
    ["20:12345678901234567890,", ["12345678901234567890"]],
    ["21:123456789012345678901,1:a,", ["12345678901234567890", "a"]],
    ["1:a,30:123456789012345678901234567890,30:abcdefghijklmnopqrstuvwxyzabcd,", ["a", "12345678901234567890", "abcdefghijklmnopqrst"]],
    ["", []],
    ["12", []],
    ["3:ab", []],
    ["3:abc", []],
    ["21:123456789012345678901", []],
  ])("%j", (bytes, values) => {
    expect(decodeAll(decoder(), [latin1(bytes)])).toEqual(yields(values));
  });

  test.each([
    ["3:abcd", "a netstring without its comma"],
    ["21:123456789012345678901;", "a netstring without its comma"],
    [":", "a netstring without its length"],
    ["-1:", "a netstring without its length"],
    [" 1:a,", "a netstring without its length"],
    ["1 :a,", "a netstring without its length"],
    ["get x\n", "a netstring without its length"],
    ["\0", "a netstring without its length"],
    ["00000003:abc,", "a netstring whose length has more than 7 digits"],
    ["99999999999999999999:", "a netstring whose length has more than 7 digits"],
    [`${maxNetstringOctets + 1}:`, "a netstring of 1048577 octets"],
  ])("%j is refused", (bytes, message) => {
    expect(decodeAll(decoder(), [latin1(bytes)])).toEqual({ values: [], error: new ProtocolError(message) });
  });

  test("the longest that is skipped, and what follows it", () => {
    const bytes = latin1(`${maxNetstringOctets}:${"x".repeat(maxNetstringOctets)},1:a,`);
    const portions = [bytes.subarray(0, 100), bytes.subarray(100, 70_000), bytes.subarray(70_000)];
    expect(decodeAll(decoder(), portions)).toEqual(yields(["x".repeat(maxKept), "a"]));
  });

  test("what is encoded is decoded, whatever the portions", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "grapheme", maxLength: 15 }), { maxLength: 8 }), places, (texts, cuts) => {
        const bytes = Buffer.from(texts.map(encodeNetstring).join(""));
        const values = texts.map((text) => Buffer.from(text).subarray(0, maxKept));
        expect(decodeAll(decoder(), cut(bytes, cuts))).toEqual({ values, error: undefined });
      }),
    );
  });

  test("any bytes give values or a ProtocolError, and the same in any portions", () => {
    const piece = fc.oneof(
      fc.constantFrom("1:a,", "25:", "3:", ",", "0"),
      someBytes.map((bytes) => bytes.toString("latin1")),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), places, (pieces, cuts) => {
        const bytes = latin1(pieces.join(""));
        const whole = decodeAll(decoder(), [bytes]);
        expect(whole.error === undefined || whole.error instanceof ProtocolError).toBe(true);
        expect(decodeAll(decoder(), cut(bytes, cuts))).toEqual(whole);
      }),
      { numRuns: 300 },
    );
  });
});
