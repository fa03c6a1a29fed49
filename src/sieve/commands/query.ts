/** `query` and `execute :query` as commands: the statement is carried out. */

import type { CommandRecord, Context, Given } from "../compile/definition.ts";
import type { Command } from "../compile/script-code.ts";
import { executeSignature, isSql } from "./execute.ts";
import { compileSql, sqlSignature } from "./sql.ts";

export const queryRecord: CommandRecord = { name: "query", ...sqlSignature, compile };

export const executeRecord: CommandRecord = {
  ...executeSignature,
  compile: (given, context) => (isSql(given, context) ? compile(given, context) : undefined),
};

function compile(given: Given, context: Context): Command | undefined {
  const ask = compileSql(given, context);
  return (
    ask && {
      waits: true,
      *steps(run) {
        yield* ask(run);
        return "next";
      },
    }
  );
}
