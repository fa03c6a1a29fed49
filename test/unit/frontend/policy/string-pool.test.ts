import { expect, test } from "vitest";
import { maxPoolOctets, StringPool } from "../../../../src/frontend/policy/string-pool.ts";

test("each word comes back as it is, pooled or not", () => {
  const pool = new StringPool();
  const words = ["", "TLS_AES_256_GCM_SHA384", "x".repeat(64), "x".repeat(65), "中".repeat(22)];
  for (const word of [...words, ...words]) expect(pool.intern(word)).toBe(word);
});

test.each([
  ["a long word", "x".repeat(65)],
  ["a word of three octets a character", "中".repeat(22)],
])("%s is not pooled", (_, word) => {
  const pool = new StringPool();
  pool.intern(word);
  expect(pool.octets).toBe(0);
});

test("the pool is bounded in octets", () => {
  const pool = new StringPool();
  for (let index = 0; index < 10_000; index += 1) pool.intern(`${index} ${"ü".repeat(25)}`);
  expect(pool.octets).toBeLessThanOrEqual(maxPoolOctets);
  expect(pool.octets).toBeGreaterThan(maxPoolOctets - 64);
});
