import { expect, it } from "vitest";
import { codeOf } from "../../../src/text/error-code.ts";
import { errorMessage } from "../../../src/text/error-message.ts";

const refused = (address: string) => Object.assign(new Error(`connect ECONNREFUSED ${address}`), { code: "ECONNREFUSED" });

it.each<[unknown, string]>([
  [new Error("no answer", { cause: new Error("late") }), "no answer"],
  ["a text", "a text"],
  [new AggregateError([refused("::1:25"), refused("127.0.0.1:25")]), "connect ECONNREFUSED ::1:25; connect ECONNREFUSED 127.0.0.1:25"],
  [new AggregateError([refused("::1:25")], "nobody answers"), "nobody answers"],
])("what is said of %s is %j", (thrown, message) => {
  expect(errorMessage(thrown)).toBe(message);
});

it.each<[unknown, string]>([
  [refused("::1:25"), "ECONNREFUSED"],
  [Object.assign(new Error(), { code: 7 }), "7"],
  [new Error("no answer"), ""],
  [{ code: "ENOENT" }, ""],
])("the code of %s is %j", (thrown, code) => {
  expect(codeOf(thrown)).toBe(code);
});
