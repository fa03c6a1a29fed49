import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalAddress, canonicalLogin, localPartOf } from "../../../src/mail/address.ts";
import { runs } from "../../support/runs.ts";

const piece = fc.constantFrom(...'@@""\\\\ .<>[]aAİıßẞſΣςσKüÜ＠．。｡ﬁ\u00ad\u0000', "b.test", "Bücher.example", "..", "x\\");
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
      { numRuns: runs(2000) },
    );
  });

  test("has the shape that was given", () => {
    const shape = (address: string) => localPartOf(address).replace(/[^@.<>[\]"\\ ]+/gu, "x");
    fc.assert(
      fc.property(text, (address) => {
        expect(shape(canonicalAddress(address))).toBe(shape(address));
      }),
      { numRuns: runs(1000) },
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
