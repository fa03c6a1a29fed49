/** What an administrator means by a client, a sender and a recipient: an entry of the greylist, or an address. */
import type { Configuration } from "../config/configuration.ts";
import { domainOf, parseAddress } from "../mail/address.ts";
import { canonicalDomain, isHostName } from "../mail/domain.ts";
import { canonicalIp, isNetwork, networkOf } from "../mail/ip.ts";
import { isCutKey } from "../stage/bounded-key.ts";
import { clientKey, exactAddress, greylistKey } from "../stage/greylist-key.ts";
import type { GreylistSettings } from "../stage/stage-settings.ts";
import type { Triplet } from "../state/decide.ts";

export type Subject = Triplet | { readonly address: string } | { readonly problem: string };

/** An address, or a triplet as the daemon would make it; or what is wrong. */
export function subjectOf(
  client: string,
  sender: string | undefined,
  recipient: string | undefined,
  configuration: Configuration,
): Subject {
  if (sender !== undefined && recipient !== undefined) return tripletOf(client, sender, recipient, configuration);
  if (sender !== undefined) return { problem: "a sender needs a recipient, too" };
  const address = canonicalIp(client);
  if (address !== undefined) return { address: exactAddress(address) };
  return { problem: `"${client}" is not an address; list clients by name or network in session.rcpt.greylist.exempt-clients` };
}

/** The same for what is to be made: mail must be able to meet it. */
export function newSubjectOf(
  client: string,
  sender: string | undefined,
  recipient: string | undefined,
  configuration: Configuration,
): Subject {
  const subject = subjectOf(client, sender, recipient, configuration);
  if (sender === undefined || recipient === undefined) return subject;
  const { greylist } = configuration.settings.rcpt;
  const { key } = greylist;
  const problem =
    (key.has("client") ? clientProblem(client, greylist) : undefined) ??
    (key.has("sender") && parseArgument(sender) !== "" ? addressProblem(sender) : undefined) ??
    (key.has("rcpt") ? addressProblem(recipient) : undefined);
  return problem === undefined ? subject : { problem };
}

export function tripletOf(client: string, sender: string, recipient: string, configuration: Configuration): Triplet {
  const { greylist } = configuration.settings.rcpt;
  const parts = { client: clientOf(client, configuration), sender: parseArgument(sender), recipient: parseArgument(recipient) };
  // What `list` shows is folded already, and folding it again changes nothing.
  return greylistKey(parts, greylist);
}

/** The network of an address, the organisation of a name; what `list` shows stays as it is. */
export function clientOf(text: string, { settings }: Configuration): string {
  const { greylist } = settings.rcpt;
  const address = canonicalIp(text);
  if (address !== undefined) return networkOf(address, greylist.ipv4Prefix, greylist.ipv6Prefix);
  return text.includes("/") ? canonicalNetwork(text) : (organisationOf(text, greylist) ?? text.toLowerCase());
}

/** It keeps its own prefix. */
function canonicalNetwork(text: string): string {
  const [address = "", prefix = ""] = text.split("/");
  return isNetwork(text) ? networkOf(address, Number(prefix), Number(prefix)) : text.toLowerCase();
}

function organisationOf(name: string, greylist: GreylistSettings): string | undefined {
  return clientKey("", name.toLowerCase(), { ...greylist, client: "domain-or-network" }) || undefined;
}

/** The brackets of SMTP and of logs are no part of an address. */
function parseArgument(text: string): string {
  return parseAddress(/^<(.*)>$/s.exec(text)?.[1] ?? text);
}

/** Why no client has it as its key. */
function clientProblem(text: string, greylist: GreylistSettings): string | undefined {
  if (canonicalIp(text) !== undefined) return undefined;
  if (isNetwork(text)) {
    const [address = ""] = text.split("/");
    const kept = networkOf(address, greylist.ipv4Prefix, greylist.ipv6Prefix);
    if (kept === canonicalNetwork(text)) return undefined;
    return `no client is kept as ${text}: session.rcpt.greylist.ipv4-prefix and ipv6-prefix make ${kept} of its addresses`;
  }
  const name = canonicalDomain(text);
  if (!isHostName(name) || /(?:^|\.)\d+$/.test(name)) return `"${text}" is no address, network or name of a client`;
  if (greylist.client === "network") {
    return `"${text}" is a name, and session.rcpt.greylist.client = "network" keeps clients by their networks: give an address`;
  }
  if (organisationOf(text, greylist) !== undefined) return undefined;
  return `no client is kept by the name "${text}", which belongs to no single organisation: give an address`;
}

/** A word without a domain may be an address that the MTA completes. */
function addressProblem(text: string): string | undefined {
  const address = parseArgument(text);
  if (isCutKey(address)) return undefined;
  const domain = domainOf(address);
  const isAddress = domain === undefined ? /^\S+$/.test(address) : /^\S+$/.test(domain) && !address.startsWith("@");
  return isAddress && !/[<>]/.test(address) ? undefined : `"${text}" is not an address`;
}
