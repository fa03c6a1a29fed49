/** Comparisons of a variable with a constant that are surely not meant: it never has that value, in the form in which it is kept. */
import { isArray, parseNumber, toText, type Value } from "../../expr/value.ts";
import { canonicalAddress, canonicalLogin, domainOf, parseAddress } from "../../mail/address.ts";
import { canonicalDomain } from "../../mail/domain.ts";
import { canonicalIp } from "../../mail/ip.ts";
import { withoutBrackets } from "../../mail/path.ts";
import { didYouMean } from "../../text/did-you-mean.ts";
import { shorten } from "../../text/shorten.ts";

const domainNames: ReadonlyMap<string, string> = new Map([
  ["sender", "sender_domain"],
  ...["rcpt", "address", "email"].map((name) => [name, "rcpt_domain"] as const),
]);

/** What is wrong with a text, after the name of the variable, and what to write. */
type Form = (text: string, name: string, listeners: ReadonlySet<string>) => string | undefined;

const truth: Form = (text) =>
  parseNumber(text) === undefined ? `is 1 or 0, and ${quoted(text)} counts as 0. Write true or false without inner quotes.` : undefined;

const port: Form = (text) =>
  parseNumber(text) === undefined ? `is a number, and ${quoted(text)} counts as 0. Write a number, such as 25.` : undefined;

const ip: Form = (text, name) => {
  const canonical = canonicalIp(text);
  if (canonical === text) return undefined;
  if (canonical !== undefined) return kept(text, canonical);
  return `is an address, and never ${quoted(text)}. Ask for a network by is_ip_in_cidr(${name}, '192.0.2.0/24').`;
};

const address: Form = (text, name) => {
  const domain = text.startsWith("@") ? domainOf(text) : undefined;
  if (domain !== undefined) {
    const itsDomain = domainNames.get(name) ?? `email_part(${name}, 'domain')`;
    return `is a whole address, and never ${quoted(text)}. Compare ${itsDomain} with ${quoted(canonicalDomain(domain))}.`;
  }
  return isPattern(text) ? wholeText(text, name) : kept(text, canonicalAddress(parseAddress(withoutBrackets(text))));
};

const login: Form = (text) => kept(text, canonicalLogin(text));

const domain: Form = (text, name) =>
  isPattern(text) ? wholeText(text, name) : kept(text, canonicalDomain(text.slice(text.lastIndexOf("@") + 1)));

const listener: Form = (text, _, listeners) =>
  listeners.size === 0 || listeners.has(text)
    ? undefined
    : `is never ${quoted(text)}, as no listener has that name.${didYouMean(text, listeners) || ` There are ${[...listeners].join(", ")}.`}`;

const results = ["pass", "fail", "softfail", "neutral", "none", "temperror", "permerror"];
const result: Form = (text) =>
  results.includes(text) ? undefined : `is never ${quoted(text)}.${didYouMean(text, results) || ` It is one of ${results.join(", ")}.`}`;

const forms: ReadonlyMap<string, Form> = new Map([
  ["is_tls", truth],
  ["is_trusted", truth],
  ["remote_port", port],
  ["local_port", port],
  ["remote_ip", ip],
  ["local_ip", ip],
  ["sender", address],
  ["rcpt", address],
  ["address", address],
  ["email", address],
  ["authenticated_as", login],
  ["sender_domain", domain],
  ["rcpt_domain", domain],
  ["helo_domain", domain],
  ["iprev_ptr", domain],
  ["listener", listener],
  ["spf_ehlo_result", result],
  ["spf_result", result],
  ["iprev_result", result],
]);
const numbers: ReadonlySet<Form> = new Set([truth, port]);

/** By names of variables, and by those of scripts in lower case. */
function formOf(name: string): Form | undefined {
  if (name === "envelope.from" || name === "envelope.to") return address;
  return forms.get(name.startsWith("env.") ? name.slice("env.".length).replace(/[.-]/, "_") : name);
}

/** `undefined`: nothing is wrong with it. */
export function mistakenComparison(name: string, constant: Value, listeners: ReadonlySet<string>): string | undefined {
  const form = formOf(name);
  const wrong = form === undefined ? undefined : wrongWith(form, name, constant, listeners);
  return wrong && `${name} ${wrong}`;
}

/** The same of an item of a script's environment, in lower case, and a whole text, the case of which counts for nothing. */
export function mistakenItem(item: string, text: string, listeners: ReadonlySet<string>): string | undefined {
  const form = formOf(`env.${item}`);
  const key = text.toLowerCase();
  if (key === "") return undefined;
  if (form === truth) return key === "1" || key === "0" ? undefined : `${item} is 1 or 0, and never ${quoted(text)}. Write "1" or "0".`;
  if ((form === ip || form === domain) && isPattern(text))
    return `${item} is compared with the whole of ${quoted(text)}, where * is a character like others. Write :matches.`;
  if (form !== ip && form !== listener && form !== result) return undefined;
  const wrong = form(key, `env.${item}`, new Set([...listeners].map((name) => name.toLowerCase())));
  return wrong && `${item} ${wrong}`;
}

function wrongWith(form: Form, name: string, constant: Value, listeners: ReadonlySet<string>): string | undefined {
  if (isArray(constant)) return `never equals a list. Write contains([…], ${name}).`;
  if (typeof constant === "string") return constant === "" && !numbers.has(form) ? undefined : form(constant, name, listeners);
  // A login may be a number, as which it is compared. Texts that are none are 0.
  if (numbers.has(form) || (constant !== 0 && constant !== 1)) return undefined;
  return `is text, which beside ${toText(constant)} counts as a number, as 0 unless it is one. Write is_empty(${name}), or compare it with text.`;
}

function kept(text: string, canonical: string): string | undefined {
  return canonical === text
    ? undefined
    : `is kept in one form for all spellings, and is never ${quoted(text)}. Write ${quoted(canonical)}.`;
}

function isPattern(text: string): boolean {
  return text.includes("*");
}

function wholeText(text: string, name: string): string {
  return `is compared with the whole of ${quoted(text)}, where * is a character like others. Write ends_with(${name}, …) or starts_with(${name}, …), or ask a lookup.`;
}

function quoted(text: string): string {
  const quote = text.includes("'") ? '"' : "'";
  return `${quote}${shorten(text)}${quote}`;
}
