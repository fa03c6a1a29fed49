/** The keys of a directory in LDAP servers. */
import { z } from "zod";
import { type Placeholder, problemOf } from "../../directory/ldap/filter.ts";
import { directoryCache } from "./directory-cache.ts";
import { domainNames, duration, path, word, written } from "./values.ts";

export interface LdapUrl {
  readonly host: string;
  readonly port: number;
  readonly isSecure: boolean;
}

/** RFC 4516, no more than the server; or what is wrong with it and how to fix it. */
function parseLdapUrl(text: string): LdapUrl | string {
  const example = 'Write it like "ldaps://dc1.example.org".';
  const [, scheme = "", bracketed, name = "", digits, rest = ""] =
    /^([a-z]+):\/\/(?:\[([\da-f:.]+)\]|([^\s/?:@[\]]+))(?::(\d{1,5}))?(.*)$/i.exec(text) ?? [];
  const isSecure = /^ldaps$/i.test(scheme);
  if (!isSecure && !/^ldap$/i.test(scheme)) return `"${text}" is not the URL of an LDAP server. ${example}`;
  if (rest !== "" && rest !== "/")
    return `"${text}" has more than the name of a server. The base and the filters are keys of their own. ${example}`;
  const port = digits === undefined ? (isSecure ? 636 : 389) : Number(digits);
  if (port < 1 || port > 65535) return `"${digits}" is not a port. Write a number from 1 to 65535.`;
  return { host: bracketed ?? name, port, isSecure };
}

const filter = (...needed: readonly Placeholder[]) =>
  z.string().superRefine((text, context) => {
    const problem = problemOf(text, needed);
    if (problem !== undefined) context.addIssue(problem);
  });

const attribute = z.string().regex(/^[A-Za-z][A-Za-z\d-]*$/, { error: 'is not the name of an attribute. Write it like "mail".' });

export const ldapDirectory = z.strictObject({
  type: z.literal("ldap").meta({ description: "LDAP servers: OpenLDAP, Active Directory and others." }),
  url: z.array(written(parseLdapUrl)).min(1).meta({
    description:
      "`ldaps://host` or `ldap://host`, with `:port` if it is not 636 or 389. Several hold the same; each is asked when those before it do not answer.",
  }),
  tls: z.enum(["starttls", "disable"]).optional().meta({
    description: "For `ldap://`: `starttls` encrypts and checks that the server's certificate is for its host, `disable` never does.",
    unset: '`"starttls"`, or without `ca` and `cert` `"disable"` for a loopback address',
  }),
  ca: path
    .optional()
    .meta({ description: "A file of certificates (PEM) that the server's must come from.", unset: "the public authorities" }),
  cert: path.optional().meta({ description: "A file with the certificate (PEM) to show.", unset: "none" }),
  key: path.optional().meta({ description: "A file with the private key of `cert`.", unset: "none" }),
  "bind-dn": word.optional().meta({ description: "The entry to log in as; it needs no right but to read.", unset: "anonymous" }),
  "bind-password": word.optional().meta({ description: "Its password; better in `bind-password-file`.", unset: "none" }),
  "bind-password-file": path.optional().meta({ description: "A file whose first line is the password.", unset: "none" }),
  base: word.meta({ description: "The entry below which is searched, such as `dc=example,dc=org`." }),
  timeout: duration("2s", "Deadline of one question, for all servers together."),
  domains: domainNames.meta({ description: "Local domains besides those that `filter.domains` finds." }),
  filter: z
    .strictObject({
      recipients: filter("address", "local").default("(mail={address})").meta({
        description:
          "Finds the entries that have an address, or `@domain` for the catch-all of a domain. `{address}`, `{local}` and `{domain}` are replaced, escaped by RFC 4515.",
      }),
      lists: filter("address", "local").optional().meta({ description: "Finds the list that has an address.", unset: "no lists" }),
      domains: filter("domain").optional().meta({ description: "Finds something if `{domain}` is local.", unset: "only `domains`" }),
    })
    .prefault({}),
  attributes: z
    .strictObject({
      name: attribute.default("uid").meta({
        description:
          "What accounts log in by, for `session.auth.must-match-sender`, and are members of lists by; in Active Directory `sAMAccountName`.",
      }),
      emails: z.array(attribute).min(1).default(["mail"]).meta({
        description:
          "The addresses of an entry. The first one is the primary one. A prefix `smtp:` is taken off, values with another one do not count.",
      }),
      members: attribute
        .default("member")
        .meta({ description: "The members of a list: addresses, names (DN) of entries that have some, or what entries have as `name`." }),
    })
    .prefault({}),
  cache: directoryCache,
});
