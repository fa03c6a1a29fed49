/** Clients that are exempt from greylisting, in the grammar of postgrey's whitelist_clients. */

import type { LineProblem } from "../file/file-problem.ts";
import { canonicalDomain, isHostName } from "../mail/domain.ts";
import { canonicalIp, isNetwork, networks } from "../mail/ip.ts";
import type { Pattern } from "../text/pattern.ts";
import { addPattern, entriesIn, isBelow, withoutWildcard } from "./exemption-list.ts";

/** `name` is forward-confirmed; `""` if there is none. */
export type IsExemptClient = (address: string, name: string) => boolean;

export function parseExemptClients(text: string, problem: LineProblem): IsExemptClient {
  const patterns: Pattern[] = [];
  const nets: string[] = [];
  const names = new Set<string>();
  for (const { line, entry } of entriesIn(text)) {
    const source = /^\/(.+)\/$/.exec(entry)?.[1];
    const net = networkOf(entry);
    if (source !== undefined) addPattern(patterns, source, line, problem);
    else if (net !== undefined) nets.push(net);
    else if (/[^.\d]/.test(entry) && !/[\s/:]/.test(entry)) {
      const name = canonicalDomain(withoutWildcard(entry));
      if (isHostName(name)) names.add(name);
      else
        problem(
          line,
          `"${entry}" matches no client. Write a name, which includes its subdomains, an address, a network or a /pattern/.`,
          "warning",
        );
    } else problem(line, `"${entry}" is not a name, address, network or /pattern/. Write one a line, such as example.org or 192.0.2.0/24.`);
  }
  const isInNetwork = networks(nets);
  return (address, name) => {
    const domain = canonicalDomain(name);
    return isInNetwork(address) || isBelow(domain, names) || patterns.some((each) => each.test(domain) || each.test(address));
  };
}

/**
 * `10`, `10.1` and `10.1.2`, also with `.*` or a dot, are the networks of their octets: 10.1 is a /16, which postgrey itself reads as a /24.
 * An address may be in brackets, as in an EHLO.
 */
function networkOf(entry: string): string | undefined {
  const bare = /^\[(.+)\]$/.exec(entry)?.[1] ?? entry;
  if (isNetwork(bare)) return bare;
  if (/[:%]/.test(bare)) return canonicalIp(bare);
  const [, digits] = /^(\d{1,3}(?:\.\d{1,3}){0,2})(?:(?:\.\*)+|\.?)$/.exec(entry) ?? [];
  if (digits === undefined) return undefined;
  const octets = digits.split(".");
  const network = `${[...octets, "0", "0", "0"].slice(0, 4).join(".")}/${octets.length * 8}`;
  return isNetwork(network) ? network : undefined;
}
