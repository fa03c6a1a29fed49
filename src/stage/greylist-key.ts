/** What the greylist remembers an attempt by: the client, as its organisation or network, the sender, as far as it stays the same, the recipient. */
import { canonicalDomain } from "../mail/domain.ts";
import { networkOf } from "../mail/ip.ts";
import { onDemand } from "../text/on-demand.ts";
import { keyText } from "./bounded-key.ts";
import { foldSender } from "./fold-sender.ts";
import type { GreylistSettings } from "./stage-settings.ts";
import type { GreylistQuestion } from "./state.ts";

const tldts = onDemand<typeof import("tldts")>("tldts");

type TripletText = Pick<GreylistQuestion, "client" | "sender" | "recipient">;

/** `client` is what `clientKey` says, the addresses are canonical. A triplet that was made here stays as it is. */
export function greylistKey({ client, sender, recipient }: TripletText, { key, foldSenders }: GreylistSettings): TripletText {
  return {
    client: key.has("client") ? keyText(client) : "",
    sender: key.has("sender") ? keyText(foldSenders ? foldSender(sender) : sender) : "",
    recipient: key.has("rcpt") ? keyText(recipient) : "",
  };
}

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
  return (name === "" ? null : tldts().getDomain(canonicalDomain(name), { allowPrivateDomains: true })) ?? undefined;
}
