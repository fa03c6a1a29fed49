/** `[dns]`: whom to ask, and how long. */
import type { DnsSettings } from "../../dns/dns.ts";
import type { Document } from "../schema/schema.ts";
import { durationMs } from "../schema/value-syntax.ts";

export function dnsSettings({ resolvers, timeout, cache }: Document["dns"]): DnsSettings {
  return {
    resolvers,
    timeoutMs: durationMs(timeout) ?? 0,
    entries: cache.entries,
    positiveMs: durationMs(cache.ttl.positive) ?? 0,
    negativeMs: durationMs(cache.ttl.negative) ?? 0,
  };
}
