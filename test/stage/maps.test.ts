import { expect, test } from "vitest";
import { TemporaryError } from "../../src/mail/temporary-error.ts";
import { askMap } from "../../src/stage/maps.ts";
import { rule, settings } from "../support/settings.ts";
import { directoryOf, sourcesOf } from "../support/sources.ts";

const entries = {
  "john@example.org": "john@example.org",
  "sales@example.org": ["john@example.org", "team@example.org", "x@elsewhere.example"],
  "team@example.org": ["jane@example.org", "john@example.org"],
  "jane@example.org": "jane@example.org",
  "loop1@example.org": ["loop2@example.org"],
  "loop2@example.org": ["loop1@example.org"],
  "self@example.org": ["self@example.org", "john@example.org"],
  "@catch.example": "john@example.org",
};

const rewrite = rule([["rcpt == 'old@example.org'", "'john@example.org'"], "false"]);
const core = (down = false) => ({
  settings: settings({ rcpt: { rewrite } }),
  sources: sourcesOf([Object.assign(directoryOf(entries), { down })], { "blocked-domain": ["spammer.example"] }),
});

test.each([
  ["recipients", "John@example.org", "john@example.org"],
  ["recipients", "john+x@example.org", "john+x@example.org"],
  ["recipients", "any@catch.example", "any@catch.example"],
  ["recipients", "@catch.example", undefined],
  ["recipients", "any@example.org", undefined],
  ["recipients", "x@elsewhere.example", undefined],
  ["recipients", "example.org", undefined],
  ["domains", "Example.ORG", "example.org"],
  ["domains", "elsewhere.example", undefined],
  ["domains", "john@example.org", undefined],
  ["domains", "", undefined],
  ["aliases", "john@example.org", undefined],
  ["aliases", "john+x@example.org", "john@example.org"],
  ["aliases", "old@example.org", "john@example.org"],
  ["aliases", "any@catch.example", "john@example.org"],
  ["aliases", "sales@example.org", "john@example.org,jane@example.org,x@elsewhere.example"],
  ["aliases", "x@elsewhere.example", undefined],
  ["aliases", "@catch.example", undefined],
  ["aliases", "self@example.org", "self@example.org,john@example.org"],
  ["lookup/blocked-domain", "spammer.example", "1"],
  ["lookup/blocked-domain", "other.example", undefined],
])("%s %s → %s", async (map, key, expected) => {
  expect(await askMap(map, key, core())).toBe(expected);
});

test("a loop is not an answer", async () => {
  expect(await askMap("aliases", "loop1@example.org", core())).toBeUndefined();
});

test("what cannot be told is not 'not found'", async () => {
  await expect((async () => askMap("recipients", "john@example.org", core(true)))()).rejects.toThrow(TemporaryError);
});
