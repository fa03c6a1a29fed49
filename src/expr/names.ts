/** Names that an expression must not use, and the messages about them. */

import { didYouMean } from "../text/did-you-mean.ts";
import { shorten } from "../text/shorten.ts";
import { dnsListFunctions } from "./dns-list-functions.ts";
import { ExpressionError, type Vocabulary } from "./expression.ts";
import { askFunctions, pureFunctions } from "./functions.ts";

/** Of the language of other servers, and not built yet. */
const unbuiltVariables: ReadonlySet<string> = new Set(["asn", "country"]);
const unbuiltFunctions: ReadonlySet<string> = new Set(["config_get", "system", "metric"]);

/** What MTAs call the variables, in policy requests and macros. */
const renamedVariables: ReadonlyMap<string, string> = new Map([
  ["sasl_username", "authenticated_as"],
  ["auth_authen", "authenticated_as"],
  ["client_address", "remote_ip"],
  ["client_addr", "remote_ip"],
  ["client_port", "remote_port"],
  ["server_address", "local_ip"],
  ["server_port", "local_port"],
  ["helo_name", "helo_domain"],
  ["recipient", "rcpt"],
  ["recipient_domain", "rcpt_domain"],
  ["encryption_protocol", "is_tls"],
  ["tls_version", "is_tls"],
]);

/** Names that other servers have for functions which are here, too. */
const renamedFunctions: ReadonlyMap<string, string> = new Map([["in_array", "contains"]]);

export const matchesFunction = "matches";

export function isFunction(name: string, { functions }: Vocabulary<never>): boolean {
  return (
    name === matchesFunction ||
    dnsListFunctions.has(name) ||
    pureFunctions.has(name) ||
    askFunctions.has(name) ||
    (functions?.has(name) ?? false)
  );
}

export function unknownName(name: string, offset: number, source: string, vocabulary: Vocabulary<never>): ExpressionError {
  const hyphen = hyphenError(source, offset, vocabulary);
  if (hyphen) return hyphen;
  if (unbuiltVariables.has(name.replace(/^env\./, ""))) return new ExpressionError(`"${name}" is not known to this version.`, offset);
  if (vocabulary.elsewhere?.has(name)) {
    const known = [...vocabulary.variables.keys()].join(", ");
    return new ExpressionError(`"${name}" is not known at this stage. Known are ${known}.`, offset);
  }
  if (isFunction(name, vocabulary) || unbuiltFunctions.has(name)) {
    return new ExpressionError(`"${name}" is a function. Write its parameters in parentheses: ${name}(…).`, offset);
  }
  const words = [...vocabulary.variables.keys(), ...(vocabulary.constants ?? []), "true", "false"];
  const here = renamedVariables.get(name);
  const mend =
    (here !== undefined && vocabulary.variables.has(here) ? ` Did you mean "${here}"?` : "") ||
    didYouMean(afterDot(name), words) ||
    didYouMean(name, words) ||
    ` Text needs inner quotes: "'${shorten(name)}'".`;
  return new ExpressionError(`unknown variable "${shorten(name)}".${mend}`, offset);
}

export function unknownFunction(name: string, offset: number, source: string, vocabulary: Vocabulary<never>): ExpressionError {
  const hyphen = hyphenError(source, offset, vocabulary);
  if (hyphen) return hyphen;
  if (unbuiltFunctions.has(name)) return new ExpressionError(`"${name}" is not known to this version.`, offset);
  if (vocabulary.variables.has(name))
    return new ExpressionError(`"${name}" is a variable, not a function. Remove the parentheses.`, offset);
  if (name === "unicode_skeleton") {
    const mend = "Compare by levenshtein_distance(…), or look for other letters by is_ascii(…), in a script.";
    return new ExpressionError(`"${name}" is not known here: there is no table of letters that look alike. ${mend}`, offset);
  }
  const here = renamedFunctions.get(name);
  if (here !== undefined) return new ExpressionError(`unknown function "${name}". It is called ${here}(…) here.`, offset);
  const known = [
    matchesFunction,
    ...dnsListFunctions.keys(),
    ...pureFunctions.keys(),
    ...askFunctions.keys(),
    ...(vocabulary.functions?.keys() ?? []),
  ];
  return new ExpressionError(`unknown function "${shorten(name)}".${didYouMean(name, known)}`, offset);
}

/** An error of syntax often comes from a slip in a name before it, which is then reported as well. */
export function withHyphenHint(error: ExpressionError, source: string, vocabulary: Vocabulary<never>): ExpressionError {
  for (const { 0: written } of source.slice(0, error.offset).matchAll(hyphenated)) {
    const hint = hyphenHint(written, vocabulary);
    if (hint) return new ExpressionError(`${error.message} Also, ${hint}`, error.offset);
  }
  return error;
}

const hyphenated = /(?<![\w.])[A-Za-z_][\w.]*(?:-[\w.]+)+/g;

/** The offset is somewhere within a name that is written with `-` for `_`. */
function hyphenError(source: string, offset: number, vocabulary: Vocabulary<never>): ExpressionError | undefined {
  for (const { 0: written, index } of source.matchAll(hyphenated)) {
    if (index > offset) return undefined;
    const hint = index + written.length > offset ? hyphenHint(written, vocabulary) : undefined;
    if (hint) return new ExpressionError(hint, index);
  }
  return undefined;
}

function hyphenHint(written: string, vocabulary: Vocabulary<never>): string | undefined {
  const { variables, elsewhere } = vocabulary;
  const name = written.replaceAll("-", "_");
  const kind = isFunction(name, vocabulary) ? "function" : variables.has(name) ? "variable" : undefined;
  if (kind) return `unknown ${kind} "${written}". Did you mean "${name}"?`;
  return elsewhere?.has(name) ? `"${name}" (written "${written}") is not known at this stage.` : undefined;
}

/** `env.helo_domain` and `envelope.from` are what scripts write. */
function afterDot(name: string): string {
  return name.slice(name.lastIndexOf(".") + 1);
}
