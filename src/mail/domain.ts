/** The canonical form of domains and EHLO names: lower case, A-labels (RFC 5890), no dot at the end. */
import { onDemand } from "../text/on-demand.ts";

const tr46 = onDemand<typeof import("tr46")>("tr46");

/** RFC 1035 2.3.4. Nothing longer is worked on: punycode takes the square of the length. */
const maxDomainOctets = 255;

/**
 * One form for all spellings of a name, also those that are not valid: white space, control and invisible characters around it do
 * not count, nor dots at its end; ideographic dots are dots. A label that IDNA refuses, or makes more of than letters, digits and
 * hyphens (a fullwidth `@` would become an `@`), stays in lower case: no valid name equals it.
 */
export function canonicalDomain(domain: string): string {
  if (isCanonical.test(domain)) return domain;
  const name = domain.replace(end, "").replace(start, "");
  if (isAscii.test(name)) return name.toLowerCase();
  // IDNA has one small letter for a capital sigma, also at the end of a word.
  const lower = name.replaceAll("Σ", "σ").toLowerCase();
  if (lower.length > maxDomainOctets) return lower;
  const labels = lower.split(dot).map(toALabel).join(".");
  return labels.length <= maxDomainOctets ? labels : lower;
}

/** Of a canonical domain: whether a client can have it as its name. Underscores are in use although host names have none. */
export function isHostName(domain: string): boolean {
  return /^[a-z\d_-]+(?:\.[a-z\d_-]+)*$/.test(domain);
}

/** Of a canonical domain: whether an address can have it, be it a name or the literal of an IP address. */
export function isMailDomain(domain: string): boolean {
  return isHostName(domain) || /^\[[^\][\s]+\]$/.test(domain);
}

const isCanonical = /^[a-z\d._:[\]-]*[a-z\d_\]-]$/;
const isAscii = /^\p{ASCII}*$/u;
const start = /^[\s\p{Cc}\p{DI}]+/u;
// Because of the look-behind a run is tried once, from where it begins.
const end = /(?<![\s\p{Cc}\p{DI}.。．｡])[\s\p{Cc}\p{DI}.。．｡]+$/u;
const dot = /[.。．｡]/;

function toALabel(label: string): string {
  if (isAscii.test(label)) return label;
  const ascii = tr46().toASCII(label, { transitionalProcessing: false, checkHyphens: false, useSTD3ASCIIRules: false }) ?? "";
  return /^[a-z\d_-]+$/.test(ascii) ? ascii : label;
}
