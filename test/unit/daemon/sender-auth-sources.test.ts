import { expect, it } from "vitest";
import { Patience } from "../../../src/answer/patience.ts";
import { PatientSenderAuth } from "../../../src/daemon/sender-auth-sources.ts";
import type { AuthResult } from "../../../src/stage/sources.ts";

it.each<[result: AuthResult, fails: boolean]>([
  ["pass", false],
  ["fail", false],
  ["none", false],
  ["permerror", false],
  ["temperror", true],
])("SPF that yields %s has failed: %s", async (result, fails) => {
  const waited: [string, string | undefined][] = [];
  const patience = new Patience(
    () => 0,
    () => () => {},
    ({ name }, _, error) => waited.push([name, error instanceof Error ? error.message : undefined]),
  );
  const checks = { spf: async () => ({ result, by: "why", mechanism: "" }), iprev: () => ({ result, ptr: "" }) };
  const answer = await new PatientSenderAuth(checks, patience).spf({ client: "192.0.2.1", helo: "mx.example", sender: "a@example.org" });
  expect(answer.result).toBe(result);
  expect(waited).toEqual([["SPF", fails ? "why" : undefined]]);
});
