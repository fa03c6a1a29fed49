import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { encodePacket, maxDataOctets, maxPacketOctets, PacketDecoder } from "../../../../src/wire/milter/packet.ts";
import { ProtocolError } from "../../../../src/wire/protocol-error.ts";
import { cut, decodeAll, latin1, places } from "../../../support/portions.ts";

const packets = fc.array(fc.tuple(fc.constantFrom("A", "B", "c", "+", "2"), fc.uint8Array({ maxLength: 400 })), { maxLength: 8 });

describe("packets", () => {
  test("a length, a letter, data", () => {
    expect(encodePacket("c")).toEqual(latin1("\0\0\0\x01c"));
    expect(encodePacket("-", latin1("<a@b>\0"))).toEqual(latin1("\0\0\0\x07-<a@b>\0"));
  });

  test("what is encoded is decoded, whatever the portions", () => {
    fc.assert(
      fc.property(packets, places, (list, cuts) => {
        const bytes = Buffer.concat(list.map(([letter, data]) => encodePacket(letter, data)));
        const { values, error } = decodeAll(new PacketDecoder(), cut(bytes, cuts));
        expect(error).toBeUndefined();
        expect(values.map(({ letter, data }) => [letter, latin1(data)])).toEqual(list.map(([letter, data]) => [letter, Buffer.from(data)]));
      }),
    );
  });

  test("a packet stays as it is while later ones come byte by byte", () => {
    const decoder = new PacketDecoder();
    const one = encodePacket("B", latin1("first"));
    const many = Buffer.concat([one, ...Array.from({ length: 50 }, () => encodePacket("B", latin1("other")))]);
    const { values } = decodeAll(
      decoder,
      [...many].map((byte) => Buffer.of(byte)),
    );
    expect(values).toHaveLength(51);
    expect(values[0]?.data).toBe("first");
    expect(values.slice(1).every(({ data }) => data === "other")).toBe(true);
  });

  test.each([
    ["an empty packet", "\0\0\0\0", "an empty packet"],
    ["the largest number", "\xff\xff\xff\xff", "a packet of 4294967295 octets"],
    ["one more than the limit", "\0\x02\0\x01", "a packet of 131073 octets"],
    ["another protocol", "GET / HTTP/1.1\r\n", "a packet of 1195725856 octets"],
  ])("%s is refused at its length", (_, bytes, message) => {
    expect(decodeAll(new PacketDecoder(), [latin1(bytes)])).toEqual({ values: [], error: new ProtocolError(message) });
  });

  test("the limit itself is taken, and waited for", () => {
    const decoder = new PacketDecoder();
    decoder.push(latin1("\0\x02\0\0B"));
    expect(decoder.next()).toBeUndefined();
    decoder.push(Buffer.alloc(maxPacketOctets - 1));
    expect(decoder.next()?.data).toHaveLength(maxPacketOctets - 1);
  });

  test("nothing is written that an MTA does not take", () => {
    expect(encodePacket("b", Buffer.alloc(maxDataOctets))).toHaveLength(5 + 65_535);
    expect(() => encodePacket("b", Buffer.alloc(maxDataOctets + 1))).toThrow(RangeError);
  });
});
