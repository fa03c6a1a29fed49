/** The forward-confirmed name of a client: one of its names leads back to its address (`iprev`, RFC 8601 section 3). */
import { canonicalDomain, isHostName } from "../mail/domain.ts";
import { canonicalIp } from "../mail/ip.ts";
import type { IprevAnswer, OnDnsAnswer } from "../stage/sources.ts";
import type { DnsSource } from "./dns.ts";

/** Of one address; what further ones say is not known. */
const maxNames = 10;

/** `client` is canonical. Rejects with a `TemporaryError` when no name is confirmed, and one of them might be. */
export async function askReverseName(client: string, dns: DnsSource, onAnswer?: OnDnsAnswer): Promise<IprevAnswer> {
  const type = client.includes(":") ? "ipv6" : "ipv4";
  const found = await dns.query(client, "ptr");
  onAnswer?.(`PTR of ${client}`, found);
  if (found === undefined) return { result: "permerror", ptr: "" };
  const all = found.map(canonicalDomain).filter(isHostName);
  const names = all.slice(0, maxNames);
  const confirmed = await Promise.allSettled(
    names.map(async (name) => {
      const addresses = await dns.query(name, type);
      onAnswer?.(`${type === "ipv4" ? "A" : "AAAA"} ${name}`, addresses);
      return addresses?.some((address) => canonicalIp(address) === client) === true;
    }),
  );
  const at = confirmed.findIndex((each) => each.status === "fulfilled" && each.value);
  if (at >= 0) return { result: "pass", ptr: names[at] ?? "" };
  const failed = confirmed.find((each) => each.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  return { result: all.length > maxNames ? "permerror" : "fail", ptr: "" };
}
