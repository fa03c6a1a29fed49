/** `execute :query "SQL" ["value", …]`: what scripts wrote before there was `query`. */
import type { Context, Given, Signature } from "../compile/definition.ts";
import { sqlSignature } from "./sql.ts";

export const executeSignature = {
  ...sqlSignature,
  name: "execute",
  tags: [...sqlSignature.tags, { name: "query", group: "what" }, { name: "binary", group: "what" }],
} as const satisfies Signature;

export function isSql(given: Given, context: Context): boolean {
  const what = given.inGroup("what");
  if (what?.name === "query") return true;
  const problem = what === undefined ? '"execute" does not say what.' : "programs are not run.";
  context.error(what?.offset ?? given.node.offset, `${problem} Write execute :query "SELECT …" for SQL.`);
  return false;
}
