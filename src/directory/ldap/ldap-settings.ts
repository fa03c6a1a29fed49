/** What the configuration says of a directory in LDAP servers. */
import type { CacheSettings } from "../directory-settings.ts";

export interface LdapServerSettings {
  /** As messages name it: scheme, host and port. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** `starttls`: it begins in the clear. */
  readonly tls: "from-start" | "starttls" | "disable";
}

export interface LdapSettings {
  readonly type: "ldap";
  readonly name: string;
  /** In the order in which they are asked. */
  readonly servers: readonly LdapServerSettings[];
  /** In PEM. Without `ca` the public authorities; `cert` with its `key` is what this side shows. */
  readonly tls: { readonly ca: string | undefined; readonly cert: string | undefined; readonly key: string | undefined };
  /** `undefined`: anonymous. */
  readonly bind: { readonly dn: string; readonly password: string } | undefined;
  /** Where every search begins. */
  readonly base: string;
  /** Deadline of one question, however many servers and searches it takes. */
  readonly timeoutMs: number;
  /** Local whatever `filters.domains` finds. */
  readonly domains: readonly string[];
  /** Templates, see filter.ts. */
  readonly filters: { readonly recipients: string; readonly lists: string | undefined; readonly domains: string | undefined };
  readonly attributes: {
    readonly name: string;
    /** The first address in them is the primary one. */
    readonly emails: readonly string[];
    readonly members: string;
  };
  readonly cache: CacheSettings;
}
