import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ProtocolError } from "../../../src/wire/protocol-error.ts";
import {
  encodeSocketmapReply,
  maxQueryOctets,
  maxReplyOctets,
  SocketmapDecoder,
  type SocketmapReply,
} from "../../../src/wire/socketmap.ts";
import { cut, decodeAll, latin1, places } from "../../support/portions.ts";

const netstring = (text: string) => `${Buffer.byteLength(text)}:${text},`;
const decode = (text: string) => decodeAll(new SocketmapDecoder(), [Buffer.from(text)]);

describe("requests", () => {
  test.each([
    ["24:aliases john@example.org,", "aliases", "john@example.org"],
    ['18:aliases "a b"@v.te,', "aliases", '"a b"@v.te'],
    ["8:aliases ,", "aliases", ""],
    ["10:aliases  x,", "aliases", " x"],
    ['10:aliases "",', "aliases", '""'],
    ["9:aliases *,", "aliases", "*"],
    ["15:aliases @v.test,", "aliases", "@v.test"],
    ["16:lookup/vip a,b,c,", "lookup/vip", "a,b,c"],
    ["11:aliases ö@,", "aliases", "ö@"],
    ["7:aliases,", "", "aliases"],
    ["2: x,", "", "x"],
    ["0:,", "", ""],
  ])("%s", (bytes, map, key) => {
    expect(decode(bytes)).toEqual({ values: [{ map, key }], error: undefined });
  });

  test("raw bytes", () => {
    const { values } = decodeAll(new SocketmapDecoder(), [latin1("11:aliases \xff\0\n,")]);
    expect(values).toEqual([{ map: "aliases", key: "\ufffd\0\n" }]);
  });

  test("a key that is too long is cut, and the next request is read", () => {
    const key = "x".repeat(maxQueryOctets - "aliases ".length);
    expect(decode(netstring(`aliases ${key}`) + netstring(`aliases ${key}x`) + netstring("domains d")).values).toEqual([
      { map: "aliases", key },
      { map: "aliases", key },
      { map: "domains", key: "d" },
    ]);
    expect(key.length).toBeGreaterThanOrEqual(10_000);
  });

  test("what is not a netstring ends it", () => {
    expect(decode("3:a b;")).toEqual({ values: [], error: expect.any(ProtocolError) });
  });

  test("pipelined, in any portions", () => {
    const map = fc.stringMatching(/^[a-z/-]{1,20}$/);
    const request = fc.tuple(map, fc.string({ unit: "grapheme", maxLength: 60 }));
    fc.assert(
      fc.property(fc.array(request, { maxLength: 6 }), places, (requests, cuts) => {
        const bytes = Buffer.from(requests.map(([name, key]) => netstring(`${name} ${key}`)).join(""));
        const values = requests.map(([name, key]) => ({ map: name, key }));
        expect(decodeAll(new SocketmapDecoder(), cut(bytes, cuts))).toEqual({ values, error: undefined });
      }),
    );
  });
});

describe("replies", () => {
  test.each<[SocketmapReply, string]>([
    [{ kind: "found", data: "john@example.org, jane@example.org" }, "37:OK john@example.org, jane@example.org,"],
    [{ kind: "found", data: "ö" }, "5:OK ö,"],
    [{ kind: "notFound" }, "9:NOTFOUND ,"],
    [{ kind: "temporary", reason: "the directory is down" }, "26:TEMP the directory is down,"],
    [{ kind: "temporary", reason: "a\r\nb" }, "8:TEMP a b,"],
    [{ kind: "permanent", reason: "no map of this name" }, "24:PERM no map of this name,"],
    [{ kind: "found", data: "" }, "24:TEMP the result is empty,"],
    [{ kind: "found", data: "a\nb" }, "38:TEMP the result has control characters,"],
  ])("%j", (reply, bytes) => {
    expect(encodeSocketmapReply(reply)).toBe(bytes);
  });

  test("as long as Postfix takes, and no longer", () => {
    const room = maxReplyOctets - "OK ".length;
    expect(encodeSocketmapReply({ kind: "found", data: "x".repeat(room) })).toBe(`100000:OK ${"x".repeat(room)},`);
    expect(encodeSocketmapReply({ kind: "found", data: "x".repeat(room + 1) })).toBe(
      netstring("TEMP the result has more than 100000 bytes"),
    );
    expect(encodeSocketmapReply({ kind: "found", data: `${"x".repeat(room - 1)}ö` })).toBe(
      netstring("TEMP the result has more than 100000 bytes"),
    );
    expect(encodeSocketmapReply({ kind: "permanent", reason: "x".repeat(1_000) })).toBe(netstring(`PERM ${"x".repeat(400)}`));
  });
});
