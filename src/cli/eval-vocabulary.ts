/** The variables of `postern eval`: those of every stage, as set, derived from what is set, or empty. */
import type { DnsListSubject, Names } from "../expr/ask.ts";
import type { Vocabulary } from "../expr/expression.ts";
import { isTrue, toText, type Value } from "../expr/value.ts";
import { canonicalIp } from "../mail/ip.ts";
import { openSession } from "../stage/session.ts";
import { listedOf, priorityPolicies, type Scope, variablesOf } from "../stage/vocabulary.ts";
import { didYouMean } from "../text/did-you-mean.ts";

export type VariableSettings = ReadonlyMap<string, Value>;

/** Any name that is set is a variable too. */
export function vocabularyOf(set: VariableSettings, names: Names): Vocabulary<VariableSettings> {
  const variables = new Map<string, (set: VariableSettings) => Value>();
  for (const [name, read] of variablesOf.address) variables.set(name, (given) => given.get(name) ?? read(scopeOf(given)));
  for (const [name, value] of set) if (!variables.has(name)) variables.set(name, () => value);
  const listed = new Map<DnsListSubject, (set: VariableSettings) => string>();
  for (const [of, read] of listedOf.address) listed.set(of, (given) => read(scopeOf(given)));
  return { variables, listed, constants: new Set(priorityPolicies), names };
}

/** Variables of other programs, which are read as those of a recipient. */
const otherNames: ReadonlySet<string> = new Set(["address", "email", "is_trusted"]);

/** What is wrong with what was set for rules that use these variables: a name that is none and that they do not use is misspelt. */
export function misspelt(set: VariableSettings, used: ReadonlySet<string>): string | undefined {
  const known = variablesOf.address;
  const name = [...set.keys()].find((each) => !known.has(each) && !otherNames.has(each) && !used.has(each));
  if (name === undefined) return undefined;
  return `there is no variable "${name}".${didYouMean(name, known.keys()) || ` Known are ${[...known.keys()].join(", ")}.`}`;
}

/** `NAME=VALUE` as typed: the type is that of the variable; lists are comma-separated; what is not a variable is text. */
export function parseAssignment(text: string): readonly [string, Value] | undefined {
  const [, name, value = ""] = /^([A-Za-z_][A-Za-z0-9_.]*)=(.*)$/s.exec(text) ?? [];
  if (name === undefined) return undefined;
  const empty = variablesOf.address.get(name)?.(scopeOf(new Map()));
  if (Array.isArray(empty)) return [name, value === "" ? [] : value.split(",")];
  if (typeof empty !== "number") return [name, value];
  if (value === "true" || value === "false") return [name, value === "true" ? 1 : 0];
  const number = Number(value);
  return Number.isFinite(number) && value.trim() !== "" ? [name, number] : undefined;
}

function scopeOf(set: VariableSettings): Scope {
  const text = (name: string) => toText(set.get(name) ?? "");
  const peer = {
    listener: "",
    client: { address: canonicalIp(text("remote_ip")), name: "", port: 0 },
    server: { address: "", port: 0 },
    trusted: isTrue(set.get("is_trusted") ?? 0),
  };
  const session = openSession(peer, text("authenticated_as"));
  return { session, helo: text("helo_domain"), sender: text("sender"), rcpt: text("rcpt") || text("address") || text("email") };
}
