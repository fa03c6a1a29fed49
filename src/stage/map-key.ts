/** The addresses in keys and results of maps, as MTAs write them there (socketmap_table(5), RFC 5321 4.1.2). */
import { canonicalAddress, domainOf, localPartOf } from "../mail/address.ts";
import { ipVersion } from "../mail/ip.ts";
import { formatPath } from "../mail/path.ts";

/** A local part that is quoted as a whole: so Postfix asks first, and then again without the quotes. */
const quotedAddress = /^"((?:[^"\\]|\\.)*)"(@[^@]*)?$/s;

/**
 * Canonical, without quotes. Empty for the null sender, which Postfix writes as two quotes; without an `@` the key is a domain or
 * a word. An `@` that nothing stands before names no address, though tables have it for a catch-all.
 */
export function addressInKey(key: string): string {
  const [, local, domain = ""] = quotedAddress.exec(key) ?? [];
  return canonicalAddress(local === undefined ? key : local.replace(/\\(.)/gs, "$1") + domain);
}

/** Quoted where needed. `undefined`: there can be no such mailbox, whatever a directory holds. */
export function writtenAddress(address: string): string | undefined {
  // Tables name local accounts by their names alone, which the MTA completes.
  if (plainName.test(address)) return address;
  return formatPath(address)?.slice(1, -1);
}

const plainName = /^[\w+-]+(?:\.[\w+-]+)*$/;

/** Of an access table (access(5)), the most special first. */
export function accessKeys(key: string): readonly string[] {
  const address = addressInKey(key);
  const domain = domainOf(address);
  if (domain === undefined)
    return [...new Set([key, address, ...networksOf(address), ...parentsOf(address).map((parent) => `.${parent}`)])];
  if (localPartOf(address) === "" || domain === "") return [];
  const local = localPartOf(address);
  const plus = local.indexOf("+");
  const locals = plus > 0 ? [local, local.slice(0, plus)] : [local];
  return [
    ...new Set([
      key,
      ...locals.map((each) => `${each}@${domain}`),
      domain,
      ...parentsOf(domain).map((parent) => `.${parent}`),
      ...locals.map((each) => `${each}@`),
    ]),
  ];
}

/** An IPv4 address is of the network of its first octets, as far as those are given. */
function networksOf(key: string): readonly string[] {
  if (ipVersion(key) !== 4) return [];
  const octets = key.split(".");
  return [3, 2, 1].map((count) => octets.slice(0, count).join("."));
}

/** What is deeper is no host that anybody has in a table. */
const maxParents = 8;

function parentsOf(domain: string): readonly string[] {
  if (domain.startsWith("[") || ipVersion(domain) !== undefined) return [];
  const labels = domain.split(".");
  return labels.slice(1, maxParents + 1).map((_, index) => labels.slice(index + 1).join("."));
}
