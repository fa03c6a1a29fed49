/** Lists of addresses, as Postfix reads the right-hand sides of its tables. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { formatAddress, parseAddress } from "../../../src/mail/address.ts";
import { parseAddressList, parseTargets } from "../../../src/mail/address-list.ts";

test.each<[text: string, addresses: readonly string[]]>([
  ["a@x.example", ["a@x.example"]],
  ["<a@x.example>", ["a@x.example"]],
  ["Ann Example <a@x.example>", ["a@x.example"]],
  ["J. R. Doe <a@x.example>", ["a@x.example"]],
  ['"Doe, J." <a@x.example>, b@x.example', ["a@x.example", "b@x.example"]],
  ["a@x.example b@x.example,c@x.example,", ["a@x.example", "b@x.example", "c@x.example"]],
  ["<a@x.example> <b@x.example>", ["a@x.example", "b@x.example"]],
  ["a@x.example (Ann (at work)), (both) b", ["a@x.example", "b"]],
  ["a @ x.example", ["a@x.example"]],
  ['"a, b"@x.example', ['"a, b"@x.example']],
  ['"a b"', ['"a b"']],
  ["\\root, ann", ["\\root", "ann"]],
  ["team: a@x.example, B <b@x.example>;, c@x.example", ["a@x.example", "b@x.example", "c@x.example"]],
  ["a@x.example; b@x.example", ["a@x.example", "b@x.example"]],
  ["<@relay.example,@other.example:a@x.example>", ["a@x.example"]],
  ["a@[192.0.2.1], b@[IPv6:2001:db8::1]", ["a@[192.0.2.1]", "b@[IPv6:2001:db8::1]"]],
  ["@x.example", ["@x.example"]],
  ["", []],
])("%j", (text, addresses) => {
  expect(parseAddressList(text)).toEqual(addresses);
});

test.each([
  "<a@x.example",
  "a@x.example>",
  '"a',
  "(a",
  "a)",
  "<>",
  "<a b>",
  "<a@x.example, b@x.example>",
  "team: a@x.example",
  ": a",
  "a\\",
])("%j is no list", (text) => {
  expect(parseAddressList(text)).toBeUndefined();
});

test("addresses as they are written out are read as they were, with or without names", () => {
  const written = fc
    .tuple(fc.string({ minLength: 1, maxLength: 20 }), fc.constantFrom("x.example", "[192.0.2.1]"))
    .map(([local, domain]) => ({
      address: parseAddress(`${local}@${domain}`),
    }));
  const list = fc.array(fc.record({ written, name: fc.constantFrom(undefined, "Ann Example", '"Doe, J."', "") }), { maxLength: 5 });
  fc.assert(
    fc.property(list, (each) => {
      const known = each.flatMap(({ written: { address }, name }) => {
        const text = formatAddress(address);
        return text === undefined ? [] : [{ text, as: name === undefined ? text : `${name} <${text}>` }];
      });
      expect(parseAddressList(known.map(({ as }) => as).join(", "))).toEqual(known.map(({ text }) => text));
    }),
  );
});

test.each<[text: string, targets: string[] | undefined]>([
  ["bob, |/a <b> (c; d, ann", ["bob", "|/a <b> (c; d", "ann"]],
  ['|/a "b, \\"c", bob', ['|/a "b, \\"c"', "bob"]],
  ['bob "|/a b, c"', ["bob", '"|/a b, c"']],
  [":Include:/a/b, /c:d, ~/e", [":Include:/a/b", "/c:d", "~/e"]],
  ["bob (|a, /b), ann", ["bob", "ann"]],
  ["Bob </a>", ["/a"]],
  ['|a "b', undefined],
  ["a:include:/b", undefined],
])("%j in aliases(5)", (text, targets) => {
  expect(parseTargets(text)).toEqual(targets);
});

test("aliases(5) have the same lists of addresses", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "@", ".", " ", ",", ";", ":", "<", ">", "(", ")", '"', "\\", "[", "]", "é") });
  fc.assert(
    fc.property(text, (written) => {
      expect(parseTargets(written)).toEqual(parseAddressList(written));
    }),
  );
});
