import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatPath, parsePath } from "../../../src/mail/path.ts";
import { octetsInUse } from "../../support/kept.ts";

const bytesOf = (text: string) => Buffer.from(text).toString("latin1");

describe("an argument of MAIL or RCPT", () => {
  test.each([
    ["<a@b.test>", "a@b.test", "<a@b.test>"],
    ["a@b.test", "a@b.test", "<a@b.test>"],
    ["<MiXeD@B.Test>", "MiXeD@B.Test", "<MiXeD@B.Test>"],
    ["<>", "", "<>"],
    ["< >", "", "<>"],
    ["", "", "<>"],
    ["< a@b.test\t>", "a@b.test", "<a@b.test>"],
    ["<postmaster>", "postmaster", "<postmaster>"],
    ['<"postmaster">', "postmaster", '<"postmaster">'],
    ['<"q s"@b.test>', "q s@b.test", '<"q s"@b.test>'],
    ['<"needless"@b.test>', "needless@b.test", '<"needless"@b.test>'],
    ['<"a\\"b\\\\c"@b.test>', 'a"b\\c@b.test', '<"a\\"b\\\\c"@b.test>'],
    ['<"x@1234"@b.test>', "x@1234@b.test", '<"x@1234"@b.test>'],
    ['<"a".b@b.test>', "a.b@b.test", '<"a".b@b.test>'],
    ["<a\\@b@b.test>", "a@b@b.test", "<a\\@b@b.test>"],
    ['""', "", '<"">'],
    ['""@b.test', "@b.test", '<""@b.test>'],
    ["<@b.test>", "@b.test", "<@b.test>"],
    ["<a@b@c.test>", "a@b@c.test", "<a@b@c.test>"],
    ["<a%x@b.test>", "a%x@b.test", "<a%x@b.test>"],
    ["<a@b.test.>", "a@b.test.", "<a@b.test.>"],
    ["<a@[IPv6:::1]>", "a@[IPv6:::1]", "<a@[IPv6:::1]>"],
    ["<a(comment)@b.test>", "a(comment)@b.test", "<a(comment)@b.test>"],
    ["<@x.test:a@b.test>", "a@b.test", "<a@b.test>"],
    ["<@x.test,@y.test:a@b.test>", "a@b.test", "<a@b.test>"],
    ["@x.test , @y.test : a@b.test", "a@b.test", "<a@b.test>"],
    ['<@[IPv6:::1],@[192.0.2.1]:"a b"@b.test>', "a b@b.test", '<"a b"@b.test>'],
    ["<@x.test:postmaster>", "postmaster", "<postmaster>"],
    ["<@x.test:>", "@x.test:", "<@x.test:>"],
    ['<"@x:a"@b.test>', "@x:a@b.test", '<"@x:a"@b.test>'],
    ['<"unclosed@b.test>', '"unclosed@b.test', '<"unclosed@b.test>'],
    ["<a@b.test\\>", "a@b.test\\", "<a@b.test\\>"],
    // Unquoted, it would seem to be in the domain b.
    ['<"a@b">', '"a@b"', '<"a@b">'],
  ])("%s is %s", (argument, address, withoutRoute) => {
    expect(parsePath(argument)).toEqual({ address, withoutRoute });
  });

  test("bytes stay as they are, characters are understood", () => {
    expect(parsePath(bytesOf("<@x.test:sö@büch.à>"))).toEqual({ address: "sö@büch.à", withoutRoute: bytesOf("<sö@büch.à>") });
    expect(parsePath(bytesOf("sö@büch.à"))).toEqual({ address: "sö@büch.à", withoutRoute: bytesOf("<sö@büch.à>") });
    expect(parsePath("<\xff@b.test>")).toEqual({ address: "\ufffd@b.test", withoutRoute: "<\xff@b.test>" });
  });

  test("whatever it is, what is sent back is a part of it, in brackets", () => {
    const piece = fc.oneof(fc.constantFrom("<", ">", "@", '"', "\\", ":", ",", "a", "x.test", "[", "]", " "), fc.string({ maxLength: 5 }));
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        const argument = bytesOf(pieces.join(""));
        const { withoutRoute } = parsePath(argument);
        expect(withoutRoute).toMatch(/^<.*>$/s);
        expect(argument).toContain(withoutRoute.slice(1, -1));
      }),
      { numRuns: 300 },
    );
  });
});

describe("the path of an address", () => {
  test.each([
    ["a@b.test", "<a@b.test>"],
    ["a+tag=x.y@b.test", "<a+tag=x.y@b.test>"],
    ["q s@b.test", '<"q s"@b.test>'],
    ['a"b\\c@b.test', '<"a\\"b\\\\c"@b.test>'],
    ["x@1234@b.test", '<"x@1234"@b.test>'],
    ["a..b@b.test", '<"a..b"@b.test>'],
    [".a@b.test", '<".a"@b.test>'],
    ["<a>@b.test", '<"<a>"@b.test>'],
    ["a%b!c@b.test", "<a%b!c@b.test>"],
    ["a@localhost", "<a@localhost>"],
    ["a@_x.b-c.test", "<a@_x.b-c.test>"],
    ["sö@bücher.example", "<sö@bücher.example>"],
    ["a@[192.0.2.1]", "<a@[192.0.2.1]>"],
    ["a@[IPv6:2001:db8::1]", "<a@[IPv6:2001:db8::1]>"],
    [`${"l".repeat(247)}@b.test`, `<${"l".repeat(247)}@b.test>`],
  ])("%s: %s", (address, path) => {
    expect(formatPath(address)).toBe(path);
  });

  test.each([
    ["the null path", ""],
    ["no domain", "postmaster"],
    ["an empty domain", "a@"],
    ["no local part", "@b.test"],
    ["a control character", "a\nb@b.test"],
    ["a NUL", "a\0@b.test"],
    ["a C1 control character", "a\u0085@b.test"],
    ["a line separator", "a\u2028b@b.test"],
    ["half a character", "a\ud800@b.test"],
    ["half a character in the domain", "a@b\ud800.test"],
    ["a space in the domain", "a@b .test"],
    ["brackets in the domain", "a@b.test>"],
    ["an empty label", "a@b..test"],
    ["a dot at the end", "a@b.test."],
    ["a hyphen at the start of a label", "a@-b.test"],
    ["a hyphen at the end of a label", "a@b-.test"],
    ["a label of 64 characters", `a@${"b".repeat(64)}.test`],
    ["no IPv4 address", "a@[192.0.2.256]"],
    ["an IPv6 address without its tag", "a@[::1]"],
    ["an IPv4 address with the tag of IPv6", "a@[IPv6:192.0.2.1]"],
    ["an open literal", "a@[192.0.2.1"],
    ["more than 254 bytes", `${"l".repeat(248)}@b.test`],
    ["more than 254 bytes with its quotes", `${"l".repeat(245)} @b.test`],
    ["more than 254 bytes as UTF-8", `${"ö".repeat(124)}@b.test`],
  ])("none: %s", (_, address) => {
    expect(formatPath(address)).toBeUndefined();
  });

  test("keeps nothing of its route", () => {
    const before = octetsInUse();
    const paths = Array.from({ length: 5000 }, (_, index) => parsePath(`<@${"r".repeat(2000)}${index}:john.doe${index}@example.org>`));
    expect(octetsInUse() - before).toBeLessThan(5_000_000);
    expect(paths[4999]?.address).toBe("john.doe4999@example.org");
  });

  test("is read back as the address", () => {
    const local = fc.oneof(
      fc.string({ unit: "grapheme", maxLength: 30 }),
      fc.array(fc.constantFrom("@", '"', "\\", " ", ".", "<", ">", ":", "a"), { maxLength: 12 }).map((parts) => parts.join("")),
    );
    const domain = fc.oneof(fc.constantFrom("b.test", "[192.0.2.1]", "[IPv6:::1]", "bücher.example"), fc.domain());
    fc.assert(
      fc.property(local, domain, (localPart, name) => {
        const address = `${localPart}@${name}`;
        const path = formatPath(address);
        if (path === undefined) expect(localPart === "" || address.length > 200 || /[\p{C}\u2028\u2029]/u.test(localPart)).toBe(true);
        else expect(parsePath(bytesOf(path))).toEqual({ address, withoutRoute: bytesOf(path) });
      }),
      { numRuns: 500 },
    );
  });
});
