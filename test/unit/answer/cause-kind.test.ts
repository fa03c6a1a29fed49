import { expect, it } from "vitest";
import { kindOf } from "../../../src/answer/cause-kind.ts";

it.each([
  ["connect ECONNREFUSED 127.0.0.1:5432", "connect ECONNREFUSED ::1:5432", true],
  ["no answer in 2000 ms", "no answer in 1874 ms", true],
  ["[2001:db8::1]:25 is busy", "[2001:db8:0:1::fe]:2525 is busy", true],
  ["451 queue 3F2A9B at 12:01:02", "451 queue 77C0DE1 at 12:01:03.5", true],
  ["permission denied for schema public", "permission denied for table postern_greylist", false],
  ['role "postern" does not exist', 'database "postern" does not exist', false],
  ["getaddrinfo ENOTFOUND db.example.org", "getaddrinfo EAI_AGAIN db.example.org", false],
  ["connect ECONNREFUSED 127.0.0.1:5432", "connect ETIMEDOUT 127.0.0.1:5432", false],
])("%s | %s: %s", (one, other, isSame) => {
  expect(kindOf(new Error(one)) === kindOf(new Error(other))).toBe(isSame);
  const caused = (text: string) => kindOf(new Error("unavailable", { cause: new Error(text) }));
  expect(caused(one) === caused(other)).toBe(isSame);
});

it("is bounded, also of what causes itself, and of what is no error", () => {
  const error = new Error("x".repeat(1000));
  error.cause = error;
  expect(kindOf(error).length).toBeLessThan(1000);
  expect(kindOf("down")).toBe("down");
  expect(kindOf(undefined)).toBe("undefined");
});
