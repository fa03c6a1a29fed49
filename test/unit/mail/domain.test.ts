import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalDomain } from "../../../src/mail/domain.ts";
import { workOf } from "../../support/count-work.ts";
import { runs } from "../../support/runs.ts";

describe("one form for all spellings", () => {
  test.each([
    ...["spammer.example", "SPAMMER.Example", "spammer.example.", "spammer.example..", "spammer.example。", "spammer.example．｡."],
    ...[
      "spammer.example ",
      " spammer.example",
      "spammer.example . .",
      "\tspammer.example\u3000",
      "spammer.example\u0085",
      "\u0000spammer.example",
    ],
    ...[
      "spammer。example",
      "spammer．example",
      "spammer｡EXAMPLE",
      "spam\u00admer.example",
      "spammer.example.\u200b",
      "\ufeffspammer.example",
    ],
    ...["ｓｐａｍｍｅｒ.example", "spammer.ℯxample"],
  ])("%j", (spelling) => {
    expect(canonicalDomain(spelling)).toBe("spammer.example");
  });

  test.each([
    ["bücher.example", "xn--bcher-kva.example"],
    ["BÜCHER.example", "xn--bcher-kva.example"],
    ["xn--BCHER-kva.example", "xn--bcher-kva.example"],
    ["bu\u0308cher.example", "xn--bcher-kva.example"],
    ["straße.example", "xn--strae-oqa.example"],
    ["_dmarc.bücher.example", "_dmarc.xn--bcher-kva.example"],
    ["*.bücher.example", "*.xn--bcher-kva.example"],
    // IDNA makes a plain sigma of a capital one, and keeps a final one that was typed.
    ["ΝΊΚΟΣ.example", "xn--kxawhku.example"],
    ["νίκος.example", "xn--kxawhkp.example"],
    ["[IPv6:2001:DB8::1]", "[ipv6:2001:db8::1]"],
    [".Example.org", ".example.org"],
    ["", ""],
    ["..", ""],
    [" . ", ""],
  ])("%s is %s", (spelling, canonical) => {
    expect(canonicalDomain(spelling)).toBe(canonical);
  });

  const character = fc.constantFrom(
    ...' .。．｡\u00ad\u200b\u0085\u3000＠@／［］[]*?"\\:-_aZüÜßẞİıςσΣKﬁ①⒈\u0301\ud800',
    "xn--",
    "\u{e0100}",
    "\u{1f600}",
    "中",
  );
  const edge = fc.array(fc.constantFrom(..." .。\u0085\u00ad"), { maxLength: 4 }).map((parts) => parts.join(""));
  const text = fc.oneof(
    edge,
    fc.array(character, { maxLength: 12 }).map((parts) => parts.join("")),
    fc.string({ unit: "binary" }),
    fc.domain(),
  );

  test("is a form of its own: it changes no more", () => {
    fc.assert(
      fc.property(text, (name) => {
        const once = canonicalDomain(name);
        expect(canonicalDomain(once)).toBe(once);
      }),
      { numRuns: runs(800) },
    );
  });

  test.each([
    "evil＠catch.example",
    "evil\u2024catch.example",
    "［192.0.2.1］",
    "catch.example／x",
    "catch.example＃",
    "a．＠b",
    "⒈catch.example",
  ])("nothing but letters, digits and dots comes of what was typed otherwise: %s", (name) => {
    const canonical = canonicalDomain(name);
    expect(canonical).toBe(name.replaceAll("．", "."));
  });
});

describe("a name that is too long", () => {
  test.each([
    ["in lower case alone", "Ü".repeat(256), "ü".repeat(256)],
    ["of many labels", `${"Ü.".repeat(128)}example`, `${"ü.".repeat(128)}example`],
    ["which only its A-labels are", `${"中国日本.".repeat(45)}Example`, `${"中国日本.".repeat(45)}example`],
    ["of ASCII", `${"A".repeat(300)}.example..`, `${"a".repeat(300)}.example`],
  ])("is kept, %s", (_, name, canonical) => {
    expect(canonicalDomain(name)).toBe(canonical);
  });

  const different = (count: number) =>
    Array.from({ length: count }, (__, index) => String.fromCodePoint(0x4e00 + ((index * 7919) % 20_000))).join("");

  test.each([
    ["letters", different],
    ["labels", (count: number) => `${different(3)}.`.repeat(count / 4)],
    ["dots inside", (count: number) => `ü${".".repeat(count)}x`],
    ["spaces inside", (count: number) => `ü${" ".repeat(count)}x`],
    ["letters of two kinds", (count: number) => "aü".repeat(count / 2)],
    ["spaces before", (count: number) => `${" ".repeat(count)}ü`],
  ])("costs no punycode: %s", async (_, make) => {
    const [short, long] = [make(4000), make(120_000)];
    const idna = await workOf("/tr46/", () => canonicalDomain(long));
    expect(idna).toBeLessThan(1000);
    expect(await workOf("/src/mail/domain.ts", () => canonicalDomain(long))).toBe(
      await workOf("/src/mail/domain.ts", () => canonicalDomain(short)),
    );
  });
});
