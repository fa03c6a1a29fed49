/** Keys that match nothing that a list is asked, such as those of lists that other programs read. */
import { canonicalIp, isNetwork } from "../mail/ip.ts";
import { hasInvisibleEnd, insideQuotes } from "../text/around.ts";

/** Why it matches nothing. `undefined`: it may match something. `isAskedByMta`: by a socketmap, with other keys than rules have. */
export function uselessKey(key: string, isAskedByMta: boolean): string | undefined {
  if (isSeveralAddresses(key))
    return `"${key}" matches nothing: a list knows no networks. Write 192.0.2.* for what begins so, or ask is_ip_in_cidr in a rule.`;
  if (insideQuotes(key) !== undefined) return `"${key}" is compared with its quotes, and so ${matchesNone}. Remove them.`;
  if (/^<.*>$/s.test(key) && key !== "<>") return `"${key}" is compared with its angle brackets, and so ${matchesNone}. Remove them.`;
  if (hasInvisibleEnd(key)) return `"${key}" has an invisible character at its beginning or end, and so ${matchesNone}. Remove it.`;
  if (/[,;:]$/.test(key) && canonicalIp(key) === undefined)
    return `"${key}" is compared with the "${key.at(-1)}" at its end, and so ${matchesNone}. Remove it.`;
  if (key.startsWith("!")) return `"${key}" is compared with its "!", and so ${matchesNone}. Write the exception in a rule.`;
  const before = /^\w+:\/\//.exec(key)?.[0] ?? (isAskedByMta ? undefined : tagOfSendmail.exec(key)?.[0]);
  if (before !== undefined) return `"${key}" is compared with the "${before}" before it, and so ${matchesNone}. Remove it.`;
  if (/^\/.+\/\w*$/s.test(key)) return `"${key}" matches nothing: patterns of a list have * and ?. Ask matches in a rule instead.`;
  if (tableType.test(key))
    return `"${key}" is a key, and no table is read. Write the lines of that table, or have a lookup of its own for it.`;
  return problemOfAddress(key, isAskedByMta) ?? problemOfAt(key, isAskedByMta) ?? problemOfNames(key);
}

const matchesNone = "matches no name or address";
const tagOfSendmail = /^(?:connect|from|to|spam|helo|ehlo):/i;
const tableType = /^(?:btree|cdb|cidr|dbm|hash|include|inline|lmdb|pcre|regexp|texthash):[/{]/;

/** A network, or from one address to another. */
function isSeveralAddresses(key: string): boolean {
  if (!key.includes("/")) return isRange(key);
  const [address = "", mask = "", ...others] = key.split("/");
  return isNetwork(key) || (others.length === 0 && canonicalIp(address) !== undefined && canonicalIp(mask) !== undefined);
}

function isRange(key: string): boolean {
  const [from = "", to = "", ...others] = key.split("-");
  return others.length === 0 && canonicalIp(from) !== undefined && (canonicalIp(to) !== undefined || /^\d{1,3}$/.test(to));
}

function problemOfAddress(key: string, isAskedByMta: boolean): string | undefined {
  if (/^\d+(?:\.\d+){3}$/.test(key) && canonicalIp(key) === undefined)
    return `"${key}" is not an address, and so matches none. Correct it.`;
  const [, octets = "", dot] = /^(\d{1,3}(?:\.\d{1,3}){0,2})(\.?)$/.exec(key) ?? [];
  const isPart = dot === "." || (octets.includes(".") && !isAskedByMta);
  return isPart ? `"${key}" is a part of an address, and so matches none. Write ${octets}.* for what begins so.` : undefined;
}

/** All addresses of a domain, as others write it. */
function problemOfAt(key: string, isAskedByMta: boolean): string | undefined {
  const [, domain] = /^@(\.?[^@.]+\..*)$/s.exec(key) ?? [];
  if (domain === undefined || isAskedByMta) return undefined;
  const glob = domain.startsWith(".") ? `*@*${domain}` : `*@${domain}`;
  return `"${key}" is compared with its "@", and so ${matchesNone}. Write ${glob} for all addresses there.`;
}

/** Of a certificate's subject, `CN=mx,O=Example`, no part is a name or an address. */
function problemOfNames(key: string): string | undefined {
  const parts = key.split(/[,;]/);
  const areSeveral = parts.length > 1 && !/[\s=]/.test(key) && parts.every((part) => part.slice(1, -1).includes("."));
  return areSeveral ? `"${key}" is one key, and so ${matchesNone}. Write each by itself.` : undefined;
}
