/** A triplet of another greylist as the daemon would make it of the same message. */
import { canonicalAddress } from "../mail/address.ts";
import { canonicalIp, networkOf } from "../mail/ip.ts";
import { keyText } from "../stage/bounded-key.ts";
import { foldSender } from "../stage/fold-sender.ts";
import type { GreylistSettings } from "../stage/stage-settings.ts";
import type { Triplet } from "../state/decide.ts";

/** `client` is an address, or the first three octets of one; `undefined`: it is neither. */
export function importedTriplet({ client, sender, recipient }: Triplet, settings: GreylistSettings): Triplet | undefined {
  const { key, foldSenders, ipv4Prefix, ipv6Prefix } = settings;
  const address = canonicalIp(client) ?? canonicalIp(`${client}.0`);
  if (address === undefined) return undefined;
  const author = canonicalAddress(sender);
  return {
    client: key.has("client") ? networkOf(address, ipv4Prefix, ipv6Prefix) : "",
    sender: key.has("sender") ? keyText(foldSenders ? foldSender(author) : author) : "",
    recipient: key.has("rcpt") ? keyText(canonicalAddress(recipient)) : "",
  };
}
