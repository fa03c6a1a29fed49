import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalAddress, canonicalLogin, formatAddress, isAddress, localPartOf, parseAddress } from "../../../src/mail/address.ts";
import { canonicalDomain } from "../../../src/mail/domain.ts";
import { parsePath } from "../../../src/mail/path.ts";
import { workOf } from "../../support/count-work.ts";
import { runs } from "../../support/runs.ts";

const piece = fc.constantFrom(...'@@""\\\\ .<>[]aAİıßẞſΣςσKüÜ＠．。｡ﬁ\u00ad\u0000', "b.test", "Bücher.example", "..", "x\\");
const plain = fc.constantFrom(..."ab1@@..-_:[] A\u0000\u007f\u0080");
const text = fc.oneof(
  fc.array(piece, { maxLength: 10 }).map((pieces) => pieces.join("")),
  fc.string({ unit: "binary" }),
  fc.emailAddress(),
);

describe("the canonical form of an address without quotes", () => {
  test.each([
    ["John@Example.ORG", "john@example.org"],
    ["john@example.org.", "john@example.org"],
    ["john@example.org。.", "john@example.org"],
    ["jürgen@BÜCHER.example", "jürgen@xn--bcher-kva.example"],
    ["Postmaster", "postmaster"],
    ["a@b@c.test", "a@b@c.test"],
    ["q Uoted@example.org", "q uoted@example.org"],
    // Quotes that are there belong to the name.
    ['"John"@example.org', '"john"@example.org'],
    ['a"b\\C@example.org', 'a"b\\c@example.org'],
    ["νίκος@example.org", "νίκοσ@example.org"],
    ["ΝΊΚΟΣ@example.org", "νίκοσ@example.org"],
    ["", ""],
  ])("%s is %s", (address, canonical) => {
    expect(canonicalAddress(address)).toBe(canonical);
  });

  test("is a form of its own: it changes no more", () => {
    fc.assert(
      fc.property(text, (address) => {
        const once = canonicalAddress(address);
        expect(canonicalAddress(once)).toBe(once);
      }),
      { numRuns: runs(800) },
    );
  });

  test("is that of its local part and that of its domain", () => {
    const lower = (local: string) => local.toLowerCase().replaceAll("ς", "σ");
    fc.assert(
      fc.property(fc.oneof(text, fc.string({ unit: plain })), (address) => {
        const at = address.lastIndexOf("@");
        const expected = at < 0 ? lower(address) : `${lower(address.slice(0, at))}@${canonicalDomain(address.slice(at + 1))}`;
        expect(canonicalAddress(address)).toBe(expected);
      }),
      { numRuns: runs(800) },
    );
  });

  test("has the shape that was given", () => {
    const shape = (address: string) => localPartOf(address).replace(/[^@.<>[\]"\\ ]+/gu, "x");
    fc.assert(
      fc.property(text, (address) => {
        expect(shape(canonicalAddress(address))).toBe(shape(address));
      }),
      { numRuns: runs(400) },
    );
  });

  test.each([
    "x＠catch.example",
    "x@evil＠catch.example",
    "a．b@b.test",
    "a。b@b.test",
    "straße@b.test",
    "ﬁn@b.test",
    "［a］@b.test",
  ])("is not another mailbox: %s", (address) => {
    expect(canonicalAddress(address)).toBe(address);
  });
});

test.each([
  ["", ""],
  ["Alice", "alice"],
  ["ALICE@Example.ORG", "alice@example.org"],
  ["alice@example.org.", "alice@example.org"],
  ["alice@Bücher.example", "alice@xn--bcher-kva.example"],
  ["alice@XN--bcher-KVA.example", "alice@xn--bcher-kva.example"],
  ["EXAMPLE\\Alice", "example\\alice"],
  ["CN=Alice, O=Example", "cn=alice, o=example"],
])("the login %s is %s", (login, canonical) => {
  expect(canonicalLogin(login)).toBe(canonical);
});

describe("an address as people write it", () => {
  test.each([
    ["John@Example.org", "john@example.org"],
    ['"john"@example.org', "john@example.org"],
    ['"j\\ohn"@example.org', "john@example.org"],
    ['"\\j\\o\\h\\n"@Example.org.', "john@example.org"],
    ['"q uoted"@example.org', "q uoted@example.org"],
    ["q uoted@example.org", "q uoted@example.org"],
    ['"x@1234"@example.org', "x@1234@example.org"],
    ['"a\\"b\\\\c"@example.org', 'a"b\\c@example.org'],
    ['a"b\\c@example.org', 'a"b\\c@example.org'],
    ['"\\"john\\""@example.org', '"john"@example.org'],
    ['"john"', "john"],
    ['"john"@', "john@"],
    // Quotes around a part of the local part belong to the name, and so do those that are not closed.
    ['"a"b"@example.org', '"a"b"@example.org'],
    ['"john@example.org', '"john@example.org'],
    ['"a"@b@example.org', '"a"@b@example.org'],
    // Without its quotes it would seem to be in the domain b.
    ['"a@b"', '"a@b"'],
    ['""', ""],
    ["@example.org", "@example.org"],
  ])("%s is %s", (text, canonical) => {
    expect(parseAddress(text)).toBe(canonical);
    expect(canonicalAddress(canonical)).toBe(canonical);
  });

  test("is what it was written from", () => {
    fc.assert(
      fc.property(text, fc.constantFrom("b.test", "bücher.example", "[192.0.2.1]"), (local, domain) => {
        const written = formatAddress(`${local}@${domain}`);
        if (written !== undefined) expect(parseAddress(written)).toBe(canonicalAddress(`${local}@${domain}`));
      }),
      { numRuns: runs(400) },
    );
  });

  test("comes out in its canonical form", () => {
    fc.assert(
      fc.property(text, (address) => {
        const once = parseAddress(address);
        expect(canonicalAddress(once)).toBe(once);
      }),
      { numRuns: runs(400) },
    );
  });

  test.each(["john@example.org", '"q uoted"@example.org', "@example.org", '"a\\"b"@example.org', "x@1234@example.org"])("%s", (address) => {
    expect(isAddress(address)).toBe(true);
  });

  test.each([
    "",
    "john",
    "example.org",
    "john@",
    "q uoted@example.org",
    "john@example.org x",
    '"q uoted"x@example.org',
    "john@exa mple.org",
  ])("%s is none", (address) => {
    expect(isAddress(address)).toBe(false);
  });
});

test.each<[string, (count: number) => string]>([
  ["quotes", (count) => '"'.repeat(count)],
  ["backslashes in quotes", (count) => `"${"\\".repeat(count)}"@b.test`],
  ["quoted letters", (count) => `"${"a".repeat(count)}"@b.test`],
  ["at signs", (count) => "@".repeat(count)],
  ["source routes", (count) => `@${"a,@".repeat(count / 3)}b:c@d`],
  ["spaces", (count) => `${" ".repeat(count / 2)}x${" ".repeat(count / 2)}y@b.test`],
  ["dots", (count) => `a${".".repeat(count)}@b.test`],
  [
    "domains of different letters",
    (count) => `x@${Array.from({ length: count }, (_, at) => String.fromCodePoint(0x4e00 + ((at * 7919) % 20_000))).join("")}`,
  ],
])("work is linear in the length: many %s", async (_, make) => {
  const all = (address: string) => [canonicalAddress(address), parseAddress(address), formatAddress(address), parsePath(`<${address}>`)];
  const work = (count: number) => workOf("/src/mail/", () => all(make(count)));
  expect(await work(120_000)).toBeLessThan(4.5 * (await work(30_000)) + 1000);
});
