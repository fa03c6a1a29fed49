/** What the configuration says of a directory. */
import type { CallAheadSettings } from "./call-ahead/call-ahead-settings.ts";
import type { LdapSettings } from "./ldap/ldap-settings.ts";

export interface CacheSettings {
  /** Addresses kept that exist, and as many that do not; the same of domains. */
  readonly entries: number;
  readonly positiveMs: number;
  readonly negativeMs: number;
  /** How long after its end a positive answer still serves while the back end is down. */
  readonly staleMs: number;
}

export interface Principal {
  readonly name: string;
  readonly class: "individual" | "group" | "list";
  /** Without quotes. The first is the primary address; `@domain` is a catch-all. */
  readonly email: readonly string[];
  /** Without quotes: list addresses whose mail this principal gets. */
  readonly emailList: readonly string[];
  readonly memberOf: readonly string[];
}

export type DirectorySettings =
  | { readonly type: "mta"; readonly name: string }
  | { readonly type: "memory"; readonly name: string; readonly principals: readonly Principal[]; readonly domains: readonly string[] }
  | {
      readonly type: "file";
      readonly name: string;
      readonly virtual: readonly string[];
      readonly aliases: readonly string[];
      readonly aliasesDomain: string | undefined;
      readonly mailboxes: readonly string[];
      readonly addresses: readonly string[];
      readonly domains: readonly string[];
    }
  | LdapSettings
  | { readonly type: "sql"; readonly name: string; readonly store: string; readonly cache: CacheSettings }
  | CallAheadSettings;
