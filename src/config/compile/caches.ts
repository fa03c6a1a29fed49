/** How long answers are kept: those of directories, and by `[dns]` those of the DNS. */
import type { CacheSettings } from "../../directory/directory-settings.ts";
import type { DnsSettings } from "../../dns/dns.ts";
import type { Normalised } from "../normalise.ts";

type DirectoryCache = Extract<Normalised["directory"][string], { readonly type: "sql" }>["cache"];

export function cacheOf({ entries, ttl, stale }: DirectoryCache): CacheSettings {
  return { ...freshOf({ entries, ttl }), staleMs: stale.value };
}

export function dnsSettings({ resolvers, timeout, cache }: Normalised["dns"]): DnsSettings {
  return { resolvers, timeoutMs: timeout.value, ...freshOf(cache) };
}

function freshOf({ entries, ttl }: Pick<DirectoryCache, "entries" | "ttl">) {
  return { entries, positiveMs: ttl.positive.value, negativeMs: ttl.negative.value };
}
