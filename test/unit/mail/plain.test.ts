/** Most keys of lists and tables are plain: they are taken as they are, and must come to the same as if they were taken apart. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { tableParsers } from "../../../src/directory/file.ts";
import { parseList } from "../../../src/lookup/file.ts";
import { canonicalKey } from "../../../src/lookup/list-key.ts";
import { isPlain, parseAddress } from "../../../src/mail/address.ts";
import { parseAddressList } from "../../../src/mail/address-list.ts";

const none = () => undefined;

test("a plain key means the same where it is not recognised as one", () => {
  const character = fc.constantFrom(...'aaz09._+=-@@@A *?#"(,;:[]<>\\/\u00fc\ufffd\t');
  const text = fc.oneof(fc.string({ unit: character, minLength: 1, maxLength: 8 }), fc.emailAddress(), fc.domain());
  let plain = 0;
  fc.assert(
    fc.property(text, (key) => {
      if (!isPlain(key)) return;
      plain += 1;
      expect(parseAddress(key)).toBe(key);
      expect(parseAddressList(`${key},`)).toEqual([key]);
      expect(canonicalKey(key.toUpperCase())).toBe(key);
      expect(parseList(key, false, none)).toEqual(parseList(` ${key} # a comment`, false, none));
      const { addresses } = tableParsers(undefined);
      if (key.includes("@")) expect(addresses(key, none)).toEqual(addresses(`<${key}>`, none));
    }),
    { numRuns: 2000 },
  );
  expect(plain).toBeGreaterThan(200);
});

test.each([
  "A@x.example",
  "a@x.example.",
  "@x.example",
  "a@",
  "a b",
  "a*",
  "\u00fc@x.example",
  "a@b@x.example",
  "#a",
  "a/b",
  "",
])("%j is not plain", (key) => {
  expect(isPlain(key)).toBe(false);
});
