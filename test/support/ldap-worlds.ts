/** The world of the directory contract as Active Directory and OpenLDAP have it, asked by the files of contrib/ldap. */
import { parseConfiguration } from "../../src/config/load.ts";
import type { LdapSettings } from "../../src/directory/ldap/ldap-settings.ts";
import { read } from "./contrib.ts";
import type { SlapdOptions } from "./slapd.ts";
import { password } from "./slapd.ts";

export const suffix = "dc=example,dc=org";

export interface LdapWorld extends Pick<SlapdOptions, "schema" | "suffix" | "entries"> {
  /** In contrib/ldap. */
  readonly file: string;
}

/** The attributes and classes as [MS-ADA] and [MS-ADSC] have them, as far as they matter here. */
const adSchema = `
attributetype ( 1.2.840.113556.1.2.210 NAME 'proxyAddresses' EQUALITY caseIgnoreMatch SUBSTR caseIgnoreSubstringsMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
attributetype ( 1.2.840.113556.1.4.221 NAME 'sAMAccountName' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
objectclass ( 1.2.840.113556.1.5.9 NAME 'user' SUP organizationalPerson STRUCTURAL MAY ( mail $ proxyAddresses $ sAMAccountName ) )
objectclass ( 1.2.840.113556.1.5.8 NAME 'group' SUP top STRUCTURAL MUST cn MAY ( mail $ proxyAddresses $ sAMAccountName $ member ) )
`;

export const activeDirectory: LdapWorld = {
  file: "active-directory.toml",
  suffix,
  schema: ["core", "cosine", adSchema],
  entries: `
dn: cn=John Doe,${suffix}
objectClass: user
sn: Doe
sAMAccountName: john
proxyAddresses: smtp:j.doe@example.org
proxyAddresses: x500:/o=Example/cn=nobody@example.org
proxyAddresses: sip:nobody@example.org
proxyAddresses: SMTP:John@example.org
proxyAddresses: smtp:@example.net

dn: cn=Jane\\, the other,${suffix}
objectClass: user
sn: Other
sAMAccountName: jane
mail: jane@example.org

dn: cn=Jos,${suffix}
objectClass: user
sn: Jos
sAMAccountName: jos
mail: jos@example.net
proxyAddresses: SMTP:jos@example.net
proxyAddresses: smtp:jösé@example.net

dn: cn=Printer,${suffix}
objectClass: user
sn: Printer
sAMAccountName: printer

dn: cn=Team,${suffix}
objectClass: group
sAMAccountName: team
member: cn=Jane\\, the other,${suffix}
member: cn=Staff,${suffix}

dn: cn=Staff,${suffix}
objectClass: group
sAMAccountName: staff
mail: staff@example.org
member: cn=John Doe,${suffix}
member: cn=Team,${suffix}
member: cn=Printer,${suffix}
member: cn=Left Long Ago,${suffix}

dn: cn=Visitors,${suffix}
objectClass: group
sAMAccountName: visitors
mail: visitors@example.net
`,
};

const mailSchema = `
attributetype ( 1.3.6.1.4.1.7914.1.2.1.3 NAME 'mailAlternateAddress' EQUALITY caseIgnoreIA5Match SUBSTR caseIgnoreIA5SubstringsMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.26 )
objectclass ( 1.3.6.1.4.1.7914.1.2.2.1 NAME 'qmailUser' SUP top AUXILIARY MAY ( mail $ mailAlternateAddress ) )
`;

export const openLdap: LdapWorld = {
  file: "openldap.toml",
  suffix,
  schema: ["core", "cosine", "inetorgperson", mailSchema],
  entries: `
dn: ou=example.org,${suffix}
objectClass: organizationalUnit
objectClass: domainRelatedObject
associatedDomain: example.org
associatedDomain: example.net

dn: uid=john,${suffix}
objectClass: inetOrgPerson
objectClass: qmailUser
cn: John Doe
sn: Doe
mail: john@example.org
mailAlternateAddress: J.Doe@example.org
mailAlternateAddress: @example.net

dn: uid=jane,${suffix}
objectClass: inetOrgPerson
cn: Jane Doe
sn: Doe
mail: Jane@Example.ORG

dn: uid=two spaces,${suffix}
objectClass: inetOrgPerson
cn: Two Spaces
sn: Spaces
mail: "two spaces"@example.net

dn: uid=twin1,${suffix}
objectClass: inetOrgPerson
objectClass: qmailUser
cn: Twin
sn: Twin
mail: twin1@example.net
mailAlternateAddress: twins@example.net

dn: uid=twin2,${suffix}
objectClass: inetOrgPerson
objectClass: qmailUser
cn: Twin
sn: Twin
mail: twin2@example.net
mailAlternateAddress: twins@example.net

dn: cn=staff,${suffix}
objectClass: groupOfNames
objectClass: qmailUser
mail: staff@example.org
member: uid=john,${suffix}
member: uid=jane,${suffix}
`,
};

/** What the file of contrib says, with these servers. */
export function ldapSettings({ file }: LdapWorld, urls: readonly string[], changes: Partial<LdapSettings> = {}): LdapSettings {
  const text = `${read(`contrib/ldap/${file}`)}\n[listener.maps]\nprotocol = "socketmap"\nbind = ["127.0.0.1:10041"]\n`.replace(
    /url = \[.*\]/,
    `url = ${JSON.stringify(urls)}`,
  );
  const { configuration, problems } = parseConfiguration(text, `/etc/postern/${file}`, (path) =>
    path.endsWith("-password") ? password : "-----BEGIN CERTIFICATE-----\n",
  );
  const [settings] = configuration?.directories.values() ?? [];
  if (settings?.type !== "ldap") throw new Error(problems.map(({ message }) => message).join("\n"));
  return { ...settings, timeoutMs: 20_000, ...changes };
}
