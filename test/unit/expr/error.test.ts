import { expect, test } from "vitest";
import { compileExpression } from "../../../src/expr/compile.ts";
import { ExpressionError } from "../../../src/expr/expression.ts";
import type { Value } from "../../../src/expr/value.ts";
import { placesIn } from "../../../src/text/place.ts";
import { subject, vocabulary, world } from "../../support/expression-world.ts";

function errorOf(source: string): ExpressionError {
  try {
    compileExpression(source, vocabulary);
  } catch (error) {
    if (error instanceof ExpressionError) return error;
    throw error;
  }
  throw new Error(`no error: ${source}`);
}

const computedSql = "the SQL statement must be one text in quotes. Write ? where a value goes, and the values in the list.";

const notNetwork = (text: string) =>
  `"${text}" is not a network. Write an address, or an address, / and the length of its prefix, as in '192.0.2.0/24'.`;
const tooShort = (text: string) =>
  `"${text}" has a prefix of less than 8 bits, and holds no address here. Join longer ones by ||; for all addresses of a version ask is_ipv4_addr or is_ipv6_addr.`;
const swapped = (kind: string, name: string) => `the ${kind} comes first, and what it is asked for second. Write '${name}' first.`;

test.each<[source: string, column: number, message: string]>([
  // Names
  ["rcpt_domian == 'x'", 1, 'unknown variable "rcpt_domian". Did you mean "rcpt_domain"?'],
  ["1 + RCPT", 5, 'unknown variable "RCPT". Did you mean "rcpt"?'],
  ["env.sender", 1, 'unknown variable "env.sender". Did you mean "sender"?'],
  ["mixxer", 1, 'unknown variable "mixxer". Did you mean "mixer"?'],
  ["True", 1, 'unknown variable "True". Did you mean "true"?'],
  ["greylist", 1, 'unknown variable "greylist". Text needs inner quotes: "\'greylist\'".'],
  ["is_empty(authenticated-as)", 10, 'unknown variable "authenticated-as". Did you mean "authenticated_as"?'],
  ["1 + sender-domain", 5, 'unknown variable "sender-domain". Did you mean "sender_domain"?'],
  ["is-empty(rcpt)", 1, 'unknown function "is-empty". Did you mean "is_empty"?'],
  ["helo-domain == 'x'", 1, '"helo_domain" (written "helo-domain") is not known at this stage.'],
  [
    "is_empty(helo_domain)",
    10,
    '"helo_domain" is not known at this stage. Known are local_port, remote_ip, is_tls, authenticated_as, sender, sender_domain, rcpt, rcpt_domain, recipients.',
  ],
  ["asn == 1", 1, '"asn" is not known to this version.'],
  ["country", 1, '"country" is not known to this version.'],
  ["config_get('x')", 1, '"config_get" is not known to this version.'],
  ["system('hostname')", 1, '"system" is not known to this version.'],
  ["metric('x')", 1, '"metric" is not known to this version.'],
  ["is_local_domian('')", 1, 'unknown function "is_local_domian". Did you mean "is_local_domain"?'],
  ["frobnicate(1)", 1, 'unknown function "frobnicate".'],
  [
    "unicode_skeleton('x')",
    1,
    '"unicode_skeleton" is not known here: there is no table of letters that look alike. Compare by levenshtein_distance(…), or look for other letters by is_ascii(…), in a script.',
  ],
  ["in_array(1, 2)", 1, 'unknown function "in_array". It is called contains(…) here.'],
  ["constructor(1)", 1, 'unknown function "constructor".'],
  ["sender('x')", 1, '"sender" is a variable, not a function. Remove the parentheses.'],
  ["is_empty", 1, '"is_empty" is a function. Write its parameters in parentheses: is_empty(…).'],
  ["$name", 1, '"$name" is not a capture. matches(…) sets $0 to the whole match and $1, $2 and so on to its groups.'],
  // Parameters
  ["is_empty()", 1, "is_empty takes 1 parameter, not 0."],
  ["contains('a')", 1, "contains takes 2 parameters, not 1."],
  ["is_local_domain('', 'a', 'b')", 1, "is_local_domain takes 1 or 2 parameters, not 3."],
  ["matches('a')", 1, "matches takes 2 parameters, not 1."],
  ["matches(rcpt, 'a')", 9, "the first parameter of matches is the regular expression itself. Write it in quotes."],
  ["matches('a' + 'b', rcpt)", 9, "the first parameter of matches is the regular expression itself. Write it in quotes."],
  ["matches('(a', rcpt)", 9, "bad regular expression: missing closing ): `(a`."],
  ["matches('[a\\w', rcpt)", 9, "bad regular expression: missing closing ]: `[a\\w`."],
  ["matches('[a-\\d]', rcpt)", 9, "bad regular expression: invalid escape sequence: `\\d`."],
  ["matches('(?=a)', rcpt)", 9, "bad regular expression: invalid or unsupported Perl syntax: `(?=`."],
  ["matches('(a)\\1', rcpt)", 9, "bad regular expression: invalid escape sequence: `\\1`."],
  ["hash(rcpt, 'sha3')", 12, "hash takes one of 'md5', 'sha1', 'sha256', 'sha512' here."],
  ["email_part(rcpt, 'user')", 18, "email_part takes one of 'local', 'domain' here."],
  ["key_exists('blocked-domains', sender)", 12, 'unknown lookup "blocked-domains". Did you mean "blocked-domain"?'],
  ["key_get('x', sender)", 9, "unknown lookup \"x\". Define it, or use '' for the default."],
  ["key_set('blocked-domain', 'a', 1)", 9, "the lookup \"blocked-domain\" is read-only. Use '' for the default store."],
  ["counter_incr('x', 'a', 1)", 14, "there is no store \"x\" of keys and counters. Use '' for the default store."],
  ["counter_get('customers', 'a')", 13, "the lookup \"customers\" is read-only. Use '' for the default store."],
  ["sql_query('pgg', 'SELECT 1', [])", 11, 'unknown store "pgg". Did you mean "pg"?'],
  ["dns_query(rcpt_domain, 'mxx')", 24, '"mxx" is not a DNS record type that can be queried. Did you mean "mx"?'],
  ["1 + dns_listed('zne')", 16, 'unknown DNS list "zne". Did you mean "zen"?'],
  ["dns_list('spamcop')", 10, 'unknown DNS list "spamcop". Add [dns-list.spamcop].'],
  ["dns_listed(sender)", 12, "the parameter of dns_listed is the name of a DNS list itself. Write it in quotes."],
  ["dns_listed('dbl')", 12, 'the DNS list "dbl" has of = "ehlo", which is not known at this stage.'],
  ["dns_listed('zen', 1)", 1, "dns_listed takes 1 parameter, not 2."],
  ["dns_listd('zen')", 1, 'unknown function "dns_listd". Did you mean "dns_list"?'],
  ["dns_exists(rcpt_domain, 'soa')", 25, '"soa" is not a DNS record type that can be queried. Write one of ip, ipv4, ipv6, mx, txt, ptr.'],
  ["sql_query('pg', 'SELECT ?', [])", 17, "the SQL statement has 1 placeholder, but 0 values are given. Give one value for each ? or $n."],
  ["sql_query('', 'SELECT $2', [1])", 15, "the SQL statement has 2 placeholders, but 1 value is given. Give one value for each ? or $n."],
  ["sql_query('pg', ' ', [])", 17, "the SQL statement is empty."],
  ["sql_query('pg', 'SELECT ' + sender, [])", 17, computedSql],
  ["sql_query('', 'SELECT ' + 'x', [])", 15, computedSql],
  ["sql_query('', sender, [])", 15, computedSql],
  ["sql_query('', to_lowercase('SELECT 1'), [])", 15, computedSql],
  ["sql_query('', ['SELECT 1'], [])", 15, computedSql],
  ["sql_query('', ['SELECT 1'][0], [])", 15, computedSql],
  ["matches('(.*)', sender) && sql_query('', $1, [])", 42, computedSql],
  ["sql_query(sender_domain, 1, [])", 26, computedSql],
  ["is_local_domain('acounts', rcpt_domain)", 17, 'unknown directory "acounts". Did you mean "accounts"?'],
  ["is_local_address('toString', rcpt)", 18, "unknown directory \"toString\". Define it, or use '' for the default."],
  // Operands
  ["", 1, "the expression is empty. Write a value, such as false or ''."],
  [" \t", 3, "the expression is empty. Write a value, such as false or ''."],
  ["1 +", 4, 'a value is missing after "+".'],
  ["rcpt &&", 8, 'a value is missing after "&&".'],
  ["&& rcpt", 1, 'a value is missing before "&&".'],
  ["1 === 1", 5, 'a value is missing after "==".'],
  ["(", 2, 'a value is missing after "(".'],
  ["()", 2, 'a value is missing after "(".'],
  ["len(1,)", 7, 'a value is missing after ",".'],
  ["[,1]", 2, 'a value is missing after "[".'],
  ["!", 2, 'a value is missing after "!".'],
  ["rcpt sender", 6, 'an operator is missing between "rcpt" and "sender".'],
  ["1 'a'", 3, "an operator is missing between \"1\" and 'a'."],
  ["'a' ['b']", 5, "an operator is missing between 'a' and \"[\"."],
  ["!a b", 4, 'an operator is missing between "a" and "b".'],
  ["is_tls and 1", 8, 'unexpected "and". Write &&.'],
  ["1 !2", 3, 'an operator is missing between "1" and "!".'],
  ["(1", 1, '"(" is never closed. Add ")".'],
  ["len('a'", 4, '"(" is never closed. Add ")".'],
  ["recipients[0", 11, '"[" is never closed. Add "]".'],
  ["(1]", 3, 'unexpected "]". Remove it, or open it before.'],
  ["1)", 2, 'unexpected ")". Remove it, or open it before.'],
  ["1, 2", 2, 'unexpected ",". Only the parameters of a function and the elements of an array have commas.'],
  // Characters, texts and numbers
  ["rcpt == 'a'}", 12, 'unexpected "}": braces have no meaning in an expression. Remove it.'],
  ["'abc", 1, "unterminated text: the quote ' is never closed. Close it, or remove the stray quote."],
  [
    "'\\\\'",
    1,
    "unterminated text: the quote ' is never closed (a quote after a backslash closes nothing). Close it, or remove the stray quote.",
  ],
  [
    'is_empty(authenticated-as")',
    26,
    'unterminated text: the quote " is never closed. Close it, or remove the stray quote. Also, unknown variable "authenticated-as". Did you mean "authenticated_as"?',
  ],
  ["rcpt == ‘a’", 9, "unexpected ‘. Use straight quotes: ' or \"."],
  ["rcpt ? 1", 6, 'unexpected "?". Choose by if_then(condition, value, other).'],
  ["rcpt =~ 'a'", 7, "unexpected \"~\". Compare with a pattern by matches('pattern', value)."],
  ["rcpt in ['a']", 6, 'unexpected "in". Write contains(list, value).'],
  ["not is_tls", 5, 'an operator is missing between "not" and "is_tls". Write ! for "not".'],
  ["1 +\u00a02", 4, "unexpected U+00A0. Text needs quotes."],
  ["rcpt == ä", 9, 'unexpected "ä". Text needs quotes.'],
  ["remote_ip == 127.0.0.1", 14, "127.0.0.1 is not a number. Write an IP address in quotes: '127.0.0.1'."],
  ["remote_ip == 2001:db8::1", 18, 'unexpected ":". Write text such as an IPv6 address in quotes.'],
  ["remote_ip == ::1", 14, 'unexpected ":". Write text such as an IPv6 address in quotes.'],
  ["1.2.3", 1, "\"1.2.3\" is not a number. Text needs quotes: '1.2.3'."],
  ["9007199254740992", 1, "the number 9007199254740992 is too large. The largest is 9007199254740991."],
  ["9007199254740993.0", 1, "the number 9007199254740993.0 is too large. The largest is 9007199254740991."],
  ["99999999999999999d", 1, "the number 99999999999999999d is too large. The largest is 9007199254740991."],
  [
    "1h30m",
    1,
    '"1h30m" is neither a number nor a duration. A duration is digits and one unit of d, h, m, s and ms, such as 90m; text needs quotes.',
  ],
  [
    "2w",
    1,
    '"2w" is neither a number nor a duration. A duration is digits and one unit of d, h, m, s and ms, such as 90m; text needs quotes.',
  ],
])("%s", (source, column, message) => {
  const error = errorOf(source);
  expect([placesIn(source)(error.offset).column, error.message]).toEqual([column, message]);
});

test.each<[title: string, source: string, column: number, message: string]>([
  ["parentheses", `${"(".repeat(101)}1${")".repeat(101)}`, 101, "nested too deeply: 100 levels is the limit."],
  ["signs", `${"!".repeat(50_000)}1`, 101, "nested too deeply: 100 levels is the limit."],
  ["functions", "len(".repeat(10_000), 401, "nested too deeply: 100 levels is the limit."],
  ["length", `'${"a".repeat(70_000)}'`, 65_537, "an expression may have 65536 characters at most."],
])("the bound of %s", (_, source, column, message) => {
  const error = errorOf(source);
  expect([placesIn(source)(error.offset).column, error.message]).toEqual([column, message]);
});

test("a name is shorten in a message", () => {
  expect(errorOf("x".repeat(60_000)).message.length).toBeLessThan(200);
});

test.each([
  ["", 0, 1, 1],
  ["abc", 2, 1, 3],
  ["a\nb", 2, 2, 1],
  ["a\r\nbc", 4, 2, 2],
  ["a\n\n", 3, 3, 1],
])("in %j offset %i is line %i, column %i", (source, offset, line, column) => {
  expect(placesIn(source)(offset)).toEqual({ line, column });
});

test.each<[source: string, column: number, message: string]>([
  ["hash(rcpt, 'sha' + 3)", 12, "hash takes one of 'md5', 'sha1', 'sha256', 'sha512' here."],
  ["hash('md5', rcpt)", 6, "hash takes one of 'md5', 'sha1', 'sha256', 'sha512' second. Write 'md5' there."],
  ["email_part('domain', rcpt)", 12, "email_part takes one of 'local', 'domain' second. Write 'domain' there."],
  [
    "is_ip_in_cidr(remote_ip, '203.0.113.0/24,10.0.0.0/8')",
    26,
    '"203.0.113.0/24, 10.0.0.0/8" is not one network. Ask is_ip_in_cidr of each, joined by ||.',
  ],
  [
    "is_ip_in_cidr(remote_ip, ['192.0.2.1', '10.0.0.0/8'])",
    26,
    '"192.0.2.1, 10.0.0.0/8" is not one network. Ask is_ip_in_cidr of each, joined by ||.',
  ],
  ["is_ip_in_cidr(remote_ip, '10.0.0.0/33')", 26, notNetwork("10.0.0.0/33")],
  ["is_ip_in_cidr(remote_ip, '10.0.0.0/255.0.0.0')", 26, notNetwork("10.0.0.0/255.0.0.0")],
  ["is_ip_in_cidr(remote_ip, '10.')", 26, notNetwork("10.")],
  ["is_ip_in_cidr(remote_ip, '')", 26, notNetwork("")],
  ["is_ip_in_cidr(remote_ip, 10)", 26, notNetwork("10")],
  ["is_ip_in_cidr(remote_ip, '192.0.0.0' + '/7')", 26, tooShort("192.0.0.0/7")],
  ["is_ip_in_cidr(remote_ip, '2000::/3')", 26, tooShort("2000::/3")],
  ["is_ip_in_cidr(remote_ip, '::ffff:0:0/96')", 26, tooShort("::ffff:0:0/96")],
  [
    "is_ip_in_cidr('10.0.0.0/8', remote_ip)",
    15,
    '"10.0.0.0/8" is not an IP address. The address comes first, such as remote_ip; the network second.',
  ],
  ["is_ip_in_cidr('remote_ip', '10.0.0.0/8')", 15, '"remote_ip" is not an IP address. Write a variable, such as remote_ip.'],
  ["key_exists(rcpt_domain, 'customers')", 25, swapped("lookup", "customers")],
  ["key_get(sender, '')", 17, swapped("lookup", "")],
  ["counter_incr(sender, '*', 1)", 22, swapped("store", "*")],
  ["key_set(sender, '', 1)", 17, swapped("store", "")],
  ["is_local_domain(rcpt_domain, 'accounts')", 30, swapped("directory", "accounts")],
  ["is_local_address(rcpt, '')", 24, swapped("directory", "")],
  ["dns_exists('mx', rcpt_domain)", 12, "the name comes first, and the type of its records second. Write 'mx' second."],
])("%s is told, and has a value", (source, column, message) => {
  const warnings: ExpressionError[] = [];
  expect(compileExpression(source, { ...vocabulary, onWarning: (warning) => warnings.push(warning) }).evaluate).toBeDefined();
  expect(warnings.map(({ message, offset }) => [offset + 1, message])).toEqual([[column, message]]);
});

test.each<[source: string, value: Value]>([
  ["is_ip_in_cidr('1.2.3.4', '0.0.0.0/0')", 0],
  ["is_ip_in_cidr('2001:db8::1', '2000::/3')", 0],
  ["is_ip_in_cidr('x', 'y')", 0],
  ["hash('md5', rcpt)", ""],
])("%s: %j", (source, value) => {
  expect(compileExpression(source, vocabulary).constant ?? compileExpression(source, vocabulary).evaluate(subject, world())).toEqual(value);
});
