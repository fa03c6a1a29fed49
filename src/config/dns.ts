/** `[dns]`: whom to ask, and how long. */
import type { DnsSettings } from "../lookup/dns.ts";
import type { Document } from "./schema.ts";
import { durationMs } from "./words.ts";

export function dnsSettings({ resolvers, timeout, cache }: Document["dns"]): DnsSettings {
  return {
    resolvers,
    timeoutMs: durationMs(timeout) ?? 0,
    entries: cache.entries,
    positiveMs: durationMs(cache.ttl.positive) ?? 0,
    negativeMs: durationMs(cache.ttl.negative) ?? 0,
  };
}
