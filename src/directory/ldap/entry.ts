/** Entries of an LDAP server, and the addresses in them. */
import type { Entry } from "ldapts";
import { isAddress, parseAddress } from "../../mail/address.ts";

export interface LdapEntry {
  readonly dn: string;
  /** By their names in lower case, with options such as `;range=0-1499`. */
  readonly attributes: ReadonlyMap<string, readonly string[]>;
}

export function toEntry({ dn, ...attributes }: Entry): LdapEntry {
  const texts = Object.entries(attributes).map(([name, value]) => [name.toLowerCase(), [value].flat().map(String)] as const);
  return { dn, attributes: new Map(texts) };
}

export function valuesOf({ attributes }: LdapEntry, name: string): readonly string[] {
  return attributes.get(name.toLowerCase()) ?? [];
}

/** Canonical, in the order of the attributes. Active Directory marks the primary one of its `proxyAddresses` by `SMTP:` in capitals. */
export function emailsOf(entry: LdapEntry, attributes: readonly string[]): readonly string[] {
  return attributes.flatMap((name) => {
    const values = valuesOf(entry, name);
    const isPrimary = (value: string) => value.startsWith("SMTP:");
    return [...values.filter(isPrimary), ...values.filter((value) => !isPrimary(value))].flatMap((value) => addressIn(value) ?? []);
  });
}

/** Without the prefix `smtp:`; `undefined`: it is an address of another kind (`x500:`, `sip:`), or none. */
export function addressIn(value: string): string | undefined {
  const text = value.trim().replace(/^smtp:/i, "");
  return /^[a-z][a-z\d+.-]*:/i.test(text) || !isAddress(text) ? undefined : parseAddress(text);
}

/** Whether it has the form of one (RFC 4514). `uid=john@example.org,ou=people` is one, `uid=john@example.org` an address, `john` a name. */
export function isDn(value: string): boolean {
  return /^\s*[\w.-]+\s*=/.test(value) && (!value.includes("@") || /,\s*[\w.-]+\s*=/.test(value));
}

interface Values {
  readonly values: readonly string[];
  /** Of the first value that the server has kept back; `undefined`: these are all. */
  readonly next: number | undefined;
}

/** Active Directory gives at most so many values at once, and says which ([MS-ADTS] 3.1.1.3.1.3.3). */
export function rangeOf(entry: LdapEntry, name: string): Values {
  const prefix = `${name.toLowerCase()};range=`;
  for (const [key, values] of entry.attributes) {
    if (!key.startsWith(prefix)) continue;
    const [, last = "*"] = key.slice(prefix.length).split("-");
    return { values, next: last === "*" ? undefined : Number(last) + 1 };
  }
  return { values: valuesOf(entry, name), next: undefined };
}
