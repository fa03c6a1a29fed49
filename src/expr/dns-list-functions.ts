/** `dns_list` and `dns_listed`: what DNS lists say of the session. One that cannot tell lists nothing, and whoever evaluates hears of the doubt. */
import type { Answer } from "../answer/answer.ts";
import { TemporaryError } from "../answer/temporary-error.ts";
import { didYouMean } from "../text/did-you-mean.ts";
import { suggestTable } from "../text/table-name.ts";
import type { DnsListQuestion, DnsListSubject, Names } from "./ask.ts";
import type { Evaluation } from "./code.ts";
import type { OnDoubt } from "./expression.ts";
import type { Pull } from "./pull.ts";
import { flag, type Value } from "./value.ts";

/** What becomes of the codes that count. */
export const dnsListFunctions: ReadonlyMap<string, (codes: readonly string[]) => Value> = new Map<
  string,
  (codes: readonly string[]) => Value
>([
  ["dns_list", (codes) => codes],
  ["dns_listed", (codes) => flag(codes.length > 0)],
]);

/** The variable that a list depends on. */
export const variableOfSubject: Readonly<Record<DnsListSubject, string>> = {
  client: "remote_ip",
  "client-name": "remote_ip",
  ehlo: "helo_domain",
  sender: "sender_domain",
};

/** A list that an expression names; `about` is `""` where there is nothing to ask. */
export interface NamedDnsList<S> {
  readonly list: string;
  readonly about: (subject: S) => string;
}

/** `named`: all lists that the rule names. */
export function askDnsList<S>(
  { subject, ask, onDoubt }: Evaluation<S>,
  { list, about }: NamedDnsList<S>,
  named: Iterable<NamedDnsList<S>>,
  pull: Pull,
): Answer<readonly string[]> {
  const question = { list, about: about(subject) };
  if (question.about === "") return notListed;
  try {
    const codes = ask.dnsList(question, () => othersOf(list, named, subject));
    return codes instanceof Promise ? codes.catch((error: unknown) => listsNothing(error, list, pull, onDoubt)) : codes;
  } catch (error) {
    return listsNothing(error, list, pull, onDoubt);
  }
}

function othersOf<S>(list: string, named: Iterable<NamedDnsList<S>>, subject: S): readonly DnsListQuestion[] {
  const questions = [...named].map((other) => ({ list: other.list, about: other.about(subject) }));
  return questions.filter((other) => other.list !== list && other.about !== "");
}

const notListed: readonly string[] = [];

function listsNothing(error: unknown, list: string, pull: Pull, onDoubt: OnDoubt | undefined): readonly string[] {
  if (!(error instanceof TemporaryError)) throw error;
  onDoubt?.({ what: `DNS list ${list}`, pull, cause: error });
  return notListed;
}

export function unknownDnsList(name: string, { dnsLists }: Names): string {
  return `unknown DNS list "${name}".${didYouMean(name, dnsLists.keys()) || suggestTable(name, ["dns-list"], (table) => `Add ${table}.`)}`;
}
