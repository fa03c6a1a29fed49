/** The statements of directories and lists are given one value each, which must have its place in them, and nothing else may want one. */
import { type Engine, parametersIn } from "../../expr/sql-text.ts";
import type { Queries } from "../../store/store-settings.ts";

/** What each statement of a directory is asked about. */
export const askedAbout: Readonly<Record<keyof Queries, string>> = {
  recipients: "the address",
  emails: "the account",
  senders: "the account",
  members: "the address",
  expand: "the address",
  verify: "the word",
  domains: "the domain",
};

/** `value`: what it is given. `undefined`: its parameters are right. */
export function wrongParameters(sql: string, engine: Engine, value: string): string | undefined {
  const parameters = parametersIn(sql, engine);
  if (parameters.length === 0) return `has no place for ${value}. ${mendWithout(sql, value)}`;
  const [other] = parameters.filter(({ number }) => number !== 1);
  if (other === undefined) return undefined;
  if (other.text === "?") return `has more than one ?, but is given one value, ${value}. Write $1 in each place.${partsOf(value)}`;
  return `has ${other.text}, but is given one value, ${value}, as $1. Write $1 alone.${partsOf(value)}`;
}

/** Other programs have other forms, and some want them in quotes. */
function mendWithout(sql: string, value: string): string {
  const [quoted] = /(['"])(?:\$1|\?)\1/.exec(sql) ?? [];
  if (quoted !== undefined) return `In quotes, as in ${quoted}, it is text: write $1 without them.`;
  const [foreign] = /'%[sudSUD]'|%[sudSUD]\b|(?<![:\w]):[a-z_]\w*/i.exec(sql) ?? [];
  return foreign === undefined ? `Compare a column with $1, which is ${value}.` : `Write $1, without quotes, for ${foreign}.`;
}

function partsOf(value: string): string {
  return value === "the address" ? " Where the table has its parts, compare it with both: concat(local, '@', domain) = $1." : "";
}
