/** The addresses in keys and results of maps, as MTAs write them there (socketmap_table(5), RFC 5321 4.1.2). */
import { domainOf, formatAddress, localPartOf, parseAddress } from "../mail/address.ts";
import { canonicalDomain } from "../mail/domain.ts";
import { ipVersion } from "../mail/ip.ts";
import { hasControls } from "../text/controls.ts";
import { isLonger } from "../text/octets.ts";

/** MTAs also ask about what they find in header fields. */
const maxKeyOctets = 1024;

/** Whether tables may hold the key; what is asked next need not cope with any other. */
export function isTableKey(key: string): boolean {
  return !isLonger(key, maxKeyOctets) && !hasControls(key);
}

/** Quoted where needed. `undefined`: there can be no such mailbox, whatever a directory holds. */
export function writtenAddress(address: string): string | undefined {
  // Tables name local accounts by their names alone, which the MTA completes.
  if (plainName.test(address)) return address;
  return formatAddress(address);
}

const plainName = /^[\w+-]+(?:\.[\w+-]+)*$/;

/** Of an access table (access(5)), the most special first, as far as tables may hold them; the null sender is `""` there. */
export function accessKeys(key: string): readonly string[] {
  const address = parseAddress(key);
  const [local, domain] = [localPartOf(address), domainOf(address)];
  if (domain !== undefined && (local === "" || domain === "")) return [];
  const parts = domain === undefined ? partsOfName(canonicalDomain(key)) : partsOfAddress(local, domain);
  return [...new Set([key, ...parts])].filter(isTableKey);
}

function partsOfName(name: string): readonly string[] {
  return [name, ...networksOf(name), ...parentsOf(name)];
}

function partsOfAddress(local: string, domain: string): readonly string[] {
  const plus = local.indexOf("+");
  const locals = plus > 0 ? [local, local.slice(0, plus)] : [local];
  return [...locals.map((each) => `${each}@${domain}`), domain, ...parentsOf(domain), ...locals.map((each) => `${each}@`)];
}

/** An address is of the network of its first octets or groups, as far as those are given. */
function networksOf(key: string): readonly string[] {
  const version = ipVersion(key);
  if (version === undefined) return [];
  const separator = version === 4 ? "." : ":";
  const parts = key.split(separator);
  const networks = parts.slice(1).map((_, left) => parts.slice(0, -1 - left).join(separator));
  // Where groups of zeros are left out, there is nothing between two colons.
  return networks.filter((network) => network !== "" && !network.endsWith(separator));
}

/** So many labels below a domain no entry is for it. */
const maxParents = 8;

/** The domains above, each after a dot. */
function parentsOf(domain: string): readonly string[] {
  if (domain.startsWith("[") || ipVersion(domain) !== undefined) return [];
  const above = domain.split(".").slice(1).slice(-maxParents);
  return above.map((_, index) => `.${above.slice(index).join(".")}`);
}
