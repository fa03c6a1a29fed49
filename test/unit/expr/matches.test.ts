import { expect, test } from "vitest";
import type { Value } from "../../../src/expr/value.ts";
import { evaluated } from "../../support/expression-world.ts";

test.each<[source: string, value: Value]>([
  ["matches('oh', rcpt)", 1],
  ["matches('^oh', rcpt)", 0],
  ["matches('JOHN', rcpt)", 0],
  ["matches('(?i)JOHN', rcpt)", 1],
  ["matches('org$', rcpt)", 1],
  ["matches('a$', 'a\n')", 0],
  ["matches('(?m)a$', 'a\n')", 1],
  ["matches('^.$', '\u2028')", 1],
  ["matches('^.$', '\u{1f600}')", 1],
  ["matches('a.b', 'a\nb')", 0],
  ["matches('^25$', local_port)", 1],
  ["matches('', '')", 1],
  ["matches('a\\nb', 'a\nb')", 1],
  [`matches('^it\\'s$', "it's")`, 1],
  // Classes mean Unicode
  ["matches('^\\d$', '\u0663')", 1],
  ["matches('^\\D$', '\u0663')", 0],
  ["matches('^\\w+$', 'jörg_1')", 1],
  ["matches('\\W', 'jörg_1')", 0],
  ["matches('^[\\w.-]+$', 'jörg.müller-x')", 1],
  ["matches('[\\W_]', 'jörg')", 0],
  ["matches('[\\W_]', 'a-b')", 1],
  ["matches('^[^\\W_]+$', 'jörg')", 1],
  ["matches('^\\s$', '\u00a0')", 1],
  ["matches('\\S', '\u00a0')", 0],
  // What looks like a class and is none
  ["matches('^\\Q\\d[\\E$', '\\d[')", 1],
  ["matches('^[]\\d]+$', ']5')", 1],
  ["matches('^[^]\\d]$', 'x')", 1],
  ["matches('^[[:alpha:]\\d]+$', 'a5')", 1],
  ["matches('^[[]\\w$', '[ä')", 1],
  ["matches('^\\[\\w\\]$', '[ä]')", 1],
  // Captures
  ["matches('^([^.]+)\\.([^.]+)@(.+)$', rcpt) && 1", 1],
  ["[matches('^([^.]+)\\.(.+)@(.+)$', rcpt), $0, $1, $2, $3, $4]", [1, "john.doe@example.org", "john", "doe", "example.org", ""]],
  ["[matches('(x)|(o)', rcpt), $1, $2]", [1, "", "o"]],
  ["[matches('(?P<first>j)(?<second>o)', rcpt), $1, $2]", [1, "j", "o"]],
  ["[$1, matches('(j)', rcpt), $1]", ["", 1, "j"]],
  ["[matches('(j)', rcpt), matches('(zzz)', rcpt), $1]", [1, 0, ""]],
  ["[matches('(j)', rcpt), matches('(o)', rcpt), $1]", [1, 1, "o"]],
  ["matches('(j)', rcpt) && matches('x', $1) | $1 == ''", 1],
  ["$1", ""],
])("%s", (source, value) => {
  expect(evaluated(source)).toStrictEqual(value);
});

test("captures start empty for each evaluation", () => {
  const source = "[$1, matches('(j)', rcpt), $1]";
  expect(evaluated(source)).toStrictEqual(evaluated(source));
});

test("a pattern that makes backtracking engines explode answers", () => {
  expect(evaluated("matches('(a+)+$', rcpt)", { rcpt: `${"a".repeat(300)}!` })).toBe(0);
  expect(evaluated("[matches('^(a+)+!$', rcpt), len($1)]", { rcpt: `${"a".repeat(300)}!` })).toEqual([1, 300]);
});

test("hostile subjects of functions cost no more than their length", () => {
  const rcpt = `${"1".repeat(500_000)}x`;
  expect(evaluated("rcpt * 1", { rcpt })).toBe(0);
  expect(evaluated("is_email(rcpt + '@example.org')", { rcpt })).toBe(0);
  expect(evaluated("trim_end(rcpt) == rcpt", { rcpt: `${" ".repeat(500_000)}x` })).toBe(1);
  expect(evaluated("count(dedup(split(rcpt, '')))", { rcpt })).toBe(1);
  expect(evaluated("is_email(rcpt)", { rcpt: `${"a".repeat(900)}"@b.c` })).toBe(0);
});
