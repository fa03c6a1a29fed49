/** Who a client is to the greylist: the organisation that its name belongs to, or its network. */
import { getDomain } from "tldts";
import { canonicalDomain } from "../mail/domain.ts";
import { networkOf } from "../mail/ip.ts";
import type { GreylistSettings } from "./stage-settings.ts";

/** `address` canonical; `name` forward-confirmed, `""` if there is none. */
export function clientKey(
  address: string,
  name: string,
  { client, ipv4Prefix, ipv6Prefix }: Pick<GreylistSettings, "client" | "ipv4Prefix" | "ipv6Prefix">,
): string {
  return (client === "network" ? undefined : organisationOf(name)) ?? networkOf(address, ipv4Prefix, ipv6Prefix);
}

/** What passes are counted of: an IPv4 address, or the /64 that a client of IPv6 has for itself. */
export function exactAddress(address: string): string {
  return address.includes(":") ? networkOf(address, 32, 64) : address;
}

/** Customers of a host share its domain but are not one organisation: the private part of the list of public suffixes counts, too. */
function organisationOf(name: string): string | undefined {
  return (name === "" ? null : getDomain(canonicalDomain(name), { allowPrivateDomains: true })) ?? undefined;
}
