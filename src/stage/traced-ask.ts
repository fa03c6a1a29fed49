/** What expressions ask, with a trace for people of what does not show in their values: which DNS lists were asked, and what each said. */
import type { Answer } from "../answer/answer.ts";
import { TemporaryError } from "../answer/temporary-error.ts";
import type { Ask, DnsListQuestion } from "../expr/ask.ts";
import type { Core, Trace } from "./core.ts";

export function askOf({ sources: { ask }, trace }: Core): Ask {
  if (trace === undefined) return ask;
  return {
    isLocalDomain: (directory, domain) => ask.isLocalDomain(directory, domain),
    isLocalAddress: (directory, address) => ask.isLocalAddress(directory, address),
    keyGet: (store, key, onMiss) => ask.keyGet(store, key, onMiss),
    keySet: (store, key, value, seconds) => ask.keySet(store, key, value, seconds),
    counterGet: (store, key) => ask.counterGet(store, key),
    counterIncr: (store, key, by) => ask.counterIncr(store, key, by),
    sqlQuery: (store, sql, parameters) => ask.sqlQuery(store, sql, parameters),
    dnsQuery: (name, type) => ask.dnsQuery(name, type),
    dnsList: (question, others) => traced(question, trace, () => ask.dnsList(question, others)),
  };
}

async function traced({ list, about }: DnsListQuestion, trace: Trace, ask: () => Answer<readonly string[]>): Promise<readonly string[]> {
  const say = (answer: string) => trace({ step: `DNS list ${list}`, asked: about, answer });
  try {
    const codes = await ask();
    say(codes.length === 0 ? "not listed" : codes.join(", "));
    return codes;
  } catch (error) {
    if (error instanceof TemporaryError) say(`cannot tell: ${error.message}`);
    throw error;
  }
}
