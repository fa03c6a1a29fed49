/** `dns_query` and `dns_exists`: that there is none is an answer; a server that fails is a `TemporaryError`. */

import { type Answer, after } from "../answer/answer.ts";
import { didYouMean } from "../text/did-you-mean.ts";
import { type Ask, type DnsType, dnsTypes, type Names } from "./ask.ts";
import type { AskFunction, Inspection, Literals } from "./function.ts";
import { flag, toText, type Value } from "./value.ts";

export const dnsFunctions: readonly AskFunction[] = [
  {
    name: "dns_query",
    arities: [2],
    inspect: inspectDns,
    ask: (ask, parameters) => askDns(ask, parameters, (type, records) => (records === undefined ? "" : recordsOf(type, records))),
  },
  {
    name: "dns_exists",
    arities: [2],
    inspect: inspectDns,
    ask: (ask, parameters) => askDns(ask, parameters, (_, records) => flag(records !== undefined)),
  },
];

export function inspectDns([name, type]: Literals, names: Names): Inspection {
  names.onDnsQuery?.();
  if (type === undefined && name !== undefined && dnsTypeOf(name) !== undefined) {
    const problem = `the name comes first, and the type of its records second. Write '${name}' second.`;
    return { waits: true, warning: { problem, parameter: 0, isWarning: true } };
  }
  if (type === undefined || dnsTypeOf(type) !== undefined) return { waits: true };
  const mend = didYouMean(type, dnsTypes) || ` Write one of ${dnsTypes.join(", ")}.`;
  return { problem: `"${type}" is not a DNS record type that can be queried.${mend}`, parameter: 1 };
}

/** Of an unknown type there are no records. */
export function askDns(
  ask: Ask,
  [name = "", type = ""]: readonly Value[],
  become: (type: DnsType, records: readonly string[] | undefined) => Value,
): Answer<Value> {
  const known = dnsTypeOf(toText(type));
  return known === undefined ? become("ip", undefined) : after(ask.dnsQuery(toText(name), known), (records) => become(known, records));
}

function dnsTypeOf(text: string): DnsType | undefined {
  const folded = text.toLowerCase();
  return dnsTypes.find((type) => type === folded);
}

/** TXT is one text, with a line for each record where there are several. */
export function recordsOf(type: DnsType, records: readonly string[]): Value {
  return type === "txt" ? records.join("\r\n") : records;
}
