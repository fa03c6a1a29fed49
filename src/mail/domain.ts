/** Mail domains in canonical form: lower case, A-labels (RFC 5890), no trailing dot. */
import { toASCII } from "tr46";

const isAscii = /^\p{ASCII}*$/u;

/** A name that IDNA refuses stays as it is, in lower case: it will not be found, which is what is true of it. */
export function canonicalDomain(domain: string): string {
  const lower = domain.toLowerCase();
  const name = lower.endsWith(".") ? lower.slice(0, -1) : lower;
  if (isAscii.test(name)) return name;
  return toASCII(name, { transitionalProcessing: false, checkHyphens: false, useSTD3ASCIIRules: false }) ?? name;
}
