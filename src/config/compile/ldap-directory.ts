/** `[directory.X]` of type `ldap`. */

import { parseTemplate } from "../../directory/ldap/filter.ts";
import type { LdapServerSettings, LdapSettings } from "../../directory/ldap/ldap-settings.ts";
import { canonicalDomain } from "../../mail/domain.ts";
import type { Normalised } from "../normalise.ts";
import { isThisMachine } from "../schema/database-url.ts";
import type { KeyPath } from "../syntax/tree.ts";
import { cacheOf } from "./caches.ts";
import type { CompileContext } from "./context.ts";
import { passwordOf, pemsOf } from "./secrets.ts";

type LdapTable = Extract<Normalised["directory"][string], { type: "ldap" }>;

export function compileLdap(name: string, at: KeyPath, table: LdapTable, context: CompileContext): LdapSettings {
  const { base, timeout, domains, filter, attributes, cache } = table;
  if (domains.length === 0 && filter.domains === undefined)
    context.report.error(at, 'has no local domain. Add domains = ["example.org"], or filter.domains.');
  return {
    ...{ type: "ldap", name, base, attributes },
    servers: table.url.map(({ value: { host, port, isSecure } }): LdapServerSettings => {
      const tls = isSecure ? "from-start" : (table.tls ?? "starttls");
      return { url: urlOf(host, port, isSecure), host, port, tls };
    }),
    tls: tlsOf(at, table, context),
    bind: bindOf(at, table, context),
    timeoutMs: timeout.value,
    domains: domains.map(canonicalDomain),
    filters: {
      recipients: parseTemplate(filter.recipients),
      lists: filter.lists === undefined ? undefined : parseTemplate(filter.lists),
      domains: filter.domains === undefined ? undefined : parseTemplate(filter.domains),
    },
    cache: cacheOf(cache),
  };
}

function urlOf(host: string, port: number, isSecure: boolean): string {
  return `${isSecure ? "ldaps" : "ldap"}://${host.includes(":") ? `[${host}]` : host}${port === (isSecure ? 636 : 389) ? "" : `:${port}`}`;
}

function tlsOf(at: KeyPath, table: LdapTable, context: CompileContext): LdapSettings["tls"] {
  const { report } = context;
  const { url, tls } = table;
  const secure = url.find(({ value }) => value.isSecure);
  if (tls !== undefined && url.every(({ value }) => value.isSecure))
    report.error([...at, "tls"], `is for ldap://, and ${secure?.written} is encrypted from the start. Remove it.`);
  if (tls === "disable" && secure === undefined) {
    for (const name of ["ca", "cert", "key"] as const)
      if (table[name] !== undefined) report.error([...at, name], 'is not used with tls = "disable". Write tls = "starttls", or remove it.');
    const [far] = url.filter(({ value }) => !isThisMachine(value.host));
    if (far !== undefined && table["bind-dn"] !== undefined)
      report.warning([...at, "tls"], `sends the password in the clear to ${far.written}. Write tls = "starttls", or use ldaps://.`);
  }
  return pemsOf(at, table, context);
}

function bindOf(at: KeyPath, table: LdapTable, context: CompileContext): LdapSettings["bind"] {
  const { "bind-dn": dn, "bind-password": given, "bind-password-file": file } = table;
  const { report } = context;
  const password = passwordOf(at, "bind-password", { password: given, file }, context);
  const isGiven = given !== undefined || file !== undefined;
  if (dn === undefined && isGiven) report.error(at, "has a password and no bind-dn. Add bind-dn, or remove the password.");
  // RFC 4513 5.1.2: with a name and no password, a server takes anybody.
  if (dn !== undefined && !isGiven) report.error([...at, "bind-dn"], "has no password. Add bind-password-file.");
  return dn === undefined || password === undefined ? undefined : { dn, password };
}
