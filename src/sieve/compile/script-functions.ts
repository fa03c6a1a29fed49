/** Functions of expressions in scripts alone, or that differ there: a DNS failure, for one, is a value and does not end the script. */
import { type Answer, after } from "../../answer/answer.ts";
import { TemporaryError } from "../../answer/temporary-error.ts";
import { contains } from "../../expr/array-functions.ts";
import { askDns, inspectDns, recordsOf } from "../../expr/dns-functions.ts";
import type { OnDoubt } from "../../expr/expression.ts";
import { type AskFunction, type Inspection, type PureFunction, pure, secondIsOneOf } from "../../expr/function.ts";
import { askSql, inspectSql, shape, sqlQuery } from "../../expr/sql-functions.ts";
import { toText, type Value } from "../../expr/value.ts";
import { onDemand } from "../../text/on-demand.ts";
import { unicodeFunctions } from "./unicode-functions.ts";

const tldts = onDemand<typeof import("tldts")>("tldts");

/** What came from a client must not become SQL. */
export const variablesInSql =
  "the SQL statement contains variables, which would let strangers inject SQL. Write ? in their place, and the variables in the list of values.";

/** `collect` is called with the SQL statements that are literal. */
export function scriptFunctions(collect: (store: string, sql: string) => void): ReadonlyMap<string, AskFunction | PureFunction> {
  const statements = [query, sqlQuery].map((record) => collecting(record, collect));
  return new Map([...statements, ...records].map((record) => [record.name, record]));
}

const query: AskFunction = {
  name: "query",
  arities: [3],
  inspect: inspectSql,
  ask: (ask, parameters) => after(askSql(ask, parameters), (result) => (result.kind === "changes" ? 1 : shape(result))),
};

const dnsQuery: AskFunction = {
  name: "dns_query",
  arities: [2],
  inspect: inspectDns,
  ask: (ask, parameters, _, onDoubt) =>
    orElse(
      "temp_fail",
      () => askDns(ask, parameters, (type, records) => (records === undefined ? "not_found" : recordsOf(type, records))),
      onDoubt,
    ),
};

const dnsExists: AskFunction = {
  name: "dns_exists",
  arities: [2],
  inspect: inspectDns,
  ask: (ask, parameters, _, onDoubt) => orElse(-1, () => askDns(ask, parameters, (_, records) => (records === undefined ? 0 : 1)), onDoubt),
};

const domainPart = pure(
  "domain_part",
  2,
  (domain = "", part = "") => partOf(toText(domain), toText(part)),
  secondIsOneOf("domain_part", ["sld", "tld", "host"]),
);

/** What `contains` is called elsewhere. */
const inArray = pure("in_array", 2, contains);

const records: readonly (AskFunction | PureFunction)[] = [dnsQuery, dnsExists, domainPart, inArray, ...unicodeFunctions];

/** `sld` is the organisational domain, `tld` the public suffix, `host` the first label. */
function partOf(domain: string, part: string): string {
  // Longer ones are not domains, and would only cost time.
  if (domain.length > 253) return "";
  if (part === "sld") return tldts().getDomain(domain) ?? "";
  if (part === "tld") return tldts().getPublicSuffix(domain) ?? "";
  return part === "host" && domain.includes(".") ? domain.slice(0, domain.indexOf(".")) : "";
}

function collecting(record: AskFunction, collect: (store: string, sql: string) => void): AskFunction {
  return {
    ...record,
    inspect(literals, names, counts): Inspection {
      const [, sql] = literals;
      if (sql?.includes("${")) return { problem: variablesInSql, parameter: 1 };
      const inspection = record.inspect(literals, names, counts);
      if ("waits" in inspection && inspection.statement !== undefined) collect(inspection.statement.store, inspection.statement.sql);
      return inspection;
    },
  };
}

/** What a script makes of `otherwise` nobody knows: a refusal after it may be one that an answer would have prevented. */
function orElse(otherwise: Value, question: () => Answer<Value>, onDoubt: OnDoubt | undefined): Answer<Value> {
  const settle = (error: unknown): Value => {
    if (!(error instanceof TemporaryError)) throw error;
    onDoubt?.({ what: "the DNS", pull: 0, cause: error });
    return otherwise;
  };
  try {
    const answer = question();
    return answer instanceof Promise ? answer.catch(settle) : answer;
  } catch (error) {
    return settle(error);
  }
}
