/** Search filters (RFC 4515) with `{address}`, `{local}` and `{domain}` in them. */
import type { Filter } from "ldapts";
import { domainOf, localPartOf } from "../../mail/address.ts";
import { didYouMean } from "../../text/did-you-mean.ts";
import { driver } from "./driver.ts";
import type { Sought } from "./sought.ts";

const names = ["address", "local", "domain"] as const;
export type Placeholder = (typeof names)[number];

/** Whatever the address is, it stays one value: it matches what is equal to it, and changes nothing else of the filter. */
export function fillFilter(template: string, address: string): string {
  return fill(template, partsOf(address), escapeValue);
}

export function fillDomain(template: string, domain: string): string {
  return fill(template, { address: "", local: "", domain }, escapeValue);
}

/** What entries that a filter finds by an address have: in each attribute that it compares, the address or what it is compared with. */
export function soughtBy(comparisons: readonly Sought[], address: string): readonly Sought[] {
  return comparisons.flatMap(({ attribute, text }) => [
    { attribute, text: address },
    { attribute, text: fill(text, partsOf(address), (value) => value) },
  ]);
}

/** Those of a template by which it depends on the mailbox. */
export function comparisonsOf(template: string): readonly Sought[] {
  return comparisonsIn(driver().FilterParser.parseString(template)).filter(({ text }) => uses(text, "address") || uses(text, "local"));
}

function comparisonsIn(filter: Filter): readonly Sought[] {
  const { AndFilter, OrFilter, EqualityFilter, ApproximateFilter, ExtensibleFilter, SubstringFilter } = driver();
  if (filter instanceof AndFilter || filter instanceof OrFilter) return filter.filters.flatMap(comparisonsIn);
  if (filter instanceof EqualityFilter || filter instanceof ApproximateFilter)
    return [{ attribute: filter.attribute, text: String(filter.value) }];
  if (filter instanceof SubstringFilter)
    return [{ attribute: filter.attribute, text: [filter.initial, ...filter.any, filter.final].join("*") }];
  if (filter instanceof ExtensibleFilter && filter.matchType !== "") return [{ attribute: filter.matchType, text: filter.value }];
  return [];
}

function partsOf(address: string): Readonly<Record<Placeholder, string>> {
  return { address, local: localPartOf(address), domain: domainOf(address) ?? "" };
}

function fill(template: string, parts: Readonly<Record<Placeholder, string>>, written: (value: string) => string): string {
  // The pattern has these names and no others.
  return template.replace(/\{(address|local|domain)\}/g, (_, name: Placeholder) => written(parts[name]));
}

/** RFC 4515 section 3. What is not ASCII stays as it is: ldapts takes each escaped octet for a character. */
export function escapeValue(text: string): string {
  return text.replace(/[\0()*\\]/g, (character) => `\\${character.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

export function uses(template: string, name: Placeholder): boolean {
  return template.includes(`{${name}}`);
}

/** As it is used: what is escaped though it is not ASCII is written out. */
export function parseTemplate(text: string): string {
  return text.replace(/(?:\\[89a-f][\da-f])+/gi, (octets) => Buffer.from(octets.replaceAll("\\", ""), "hex").toString());
}

/** What is wrong with a template and how to fix it; `needed`: it has one of these placeholders, or it would find everything. */
export function problemOf(template: string, needed: readonly Placeholder[]): string | undefined {
  const example = needed.includes("domain") ? "(associatedDomain={domain})" : "(mail={address})";
  const [foreign] = /%[sudn]/.exec(template) ?? [];
  if (foreign !== undefined) return `"${foreign}" is not replaced here. Write {address}, {local} or {domain}, as in "${example}".`;
  for (const [, name = ""] of template.matchAll(/\{([^{}()]*)\}/g)) {
    if (names.some((known) => known === name)) continue;
    return `unknown placeholder "{${name}}".${didYouMean(name, names) || " Write {address}, {local} or {domain}."}`;
  }
  if (!needed.some((name) => uses(template, name))) {
    const missing = needed.map((name) => `{${name}}`).join(" nor ");
    return `has ${needed.length > 1 ? "neither" : "no"} ${missing}, and would find the same for everybody. Write it like "${example}".`;
  }
  if (template.split("(").length !== template.split(")").length) return `has unequal numbers of "(" and ")". Correct it.`;
  try {
    driver().FilterParser.parseString(template);
    return undefined;
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/\.? Full string: .*$/s, "") : String(error);
    return `is not a search filter (${reason}). Write it like "${example}".`;
  }
}
