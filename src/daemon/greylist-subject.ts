/** What an administrator means by a client, a sender and a recipient: an entry of the greylist, or an address. */
import type { Configuration } from "../config/configuration.ts";
import { parseAddress } from "../mail/address.ts";
import { canonicalIp, networkOf } from "../mail/ip.ts";
import { clientKey, exactAddress, greylistKey } from "../stage/greylist-key.ts";
import type { Triplet } from "../state/decide.ts";

/** An address, or a triplet as the daemon would make it; or what is wrong. */
export function subjectOf(
  client: string,
  sender: string | undefined,
  recipient: string | undefined,
  configuration: Configuration,
): Triplet | { readonly address: string } | { readonly problem: string } {
  if (sender !== undefined && recipient !== undefined) return tripletOf(client, sender, recipient, configuration);
  if (sender !== undefined) return { problem: "a sender needs a recipient, too" };
  const address = canonicalIp(client);
  if (address !== undefined) return { address: exactAddress(address) };
  return { problem: `"${client}" is not an address; list clients by name or network in session.rcpt.greylist.exempt-clients` };
}

export function tripletOf(client: string, sender: string, recipient: string, configuration: Configuration): Triplet {
  const { greylist } = configuration.settings.rcpt;
  const parts = { client: clientOf(client, configuration), sender: parseAddress(sender), recipient: parseAddress(recipient) };
  // What `list` shows is folded already, and folding it again changes nothing.
  return greylistKey(parts, greylist);
}

/** The network of an address, the organisation of a name; what `list` shows stays as it is. */
export function clientOf(text: string, { settings }: Configuration): string {
  const { greylist } = settings.rcpt;
  const address = canonicalIp(text);
  if (address !== undefined) return networkOf(address, greylist.ipv4Prefix, greylist.ipv6Prefix);
  return text.includes("/") ? text.toLowerCase() : clientKey(text.toLowerCase(), text, { ...greylist, client: "domain-or-network" });
}
