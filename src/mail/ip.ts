/** IP addresses and networks as text: IPv4 as exactly four decimal numbers, IPv6 in the form of RFC 5952. */
import ipaddr from "ipaddr.js";
import { dot, zero } from "../text/ascii.ts";

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Network = readonly [address: Address, prefix: number];

const octet = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const dottedQuad = new RegExp(`^${octet}(?:\\.${octet}){3}$`);
const maxTextLength = 64;

/** `IPv6:` before it, as in address literals, and a zone after it are dropped; a v4-mapped address becomes its IPv4 address. */
export function canonicalIp(text: string): string | undefined {
  if (dottedQuad.test(text)) return text;
  const bare = text.slice(0, 5).toLowerCase() === "ipv6:" ? text.slice(5) : text;
  const zone = bare.indexOf("%");
  return parseUnmapped(zone < 0 ? bare : bare.slice(0, zone))?.toString();
}

/** Plain text of an address and nothing around it; a v4-mapped address is of version 6. */
export function ipVersion(text: string): 4 | 6 | undefined {
  const address = parse(text);
  return address && (address.kind() === "ipv4" ? 4 : 6);
}

/** Without `in-addr.arpa` and `ip6.arpa`. `undefined`: not an address. */
export function reverseName(text: string): string | undefined {
  if (dottedQuad.test(text)) return text.split(".").reverse().join(".");
  const address = parseUnmapped(text);
  if (!address) return undefined;
  const bytes = address.toByteArray().reverse();
  // A v4-mapped one.
  if (address.kind() === "ipv4") return bytes.join(".");
  return bytes.map((byte) => `${(byte & 15).toString(16)}.${(byte >> 4).toString(16)}`).join(".");
}

/** In bits: of the networks that `isIpInCidr` knows. A shorter one is more likely a slip than meant. */
export const shortestPrefix = 8;

/** A prefix that is too short holds nothing. A network without a prefix is one address. */
export function isIpInCidr(ip: string, cidr: string): boolean {
  const network = parseNetwork(cidr);
  const address = parseUnmapped(ip);
  return network !== undefined && address !== undefined && network[1] >= shortestPrefix && holds(network, address);
}

/** An address, or an address, `/` and the length of a prefix. */
export function isNetwork(text: string): boolean {
  return parseNetwork(text) !== undefined;
}

/** In bits. `undefined`: not a network. */
export function prefixOf(text: string): number | undefined {
  return parseNetwork(text)?.[1];
}

/** The network of the address with a prefix of its version, as `203.0.113.0/24`; the text itself if it is not an address. */
export function networkOf(ip: string, ipv4Prefix: number, ipv6Prefix: number): string {
  const quad = quadNumber(ip);
  if (quad !== undefined) return `${quadText(quad & quadMask(ipv4Prefix))}/${ipv4Prefix}`;
  const address = parseUnmapped(ip);
  if (!address) return ip;
  const prefix = address.kind() === "ipv4" ? ipv4Prefix : ipv6Prefix;
  const masked = address.toByteArray().map((byte, index) => byte & (0xff00 >> Math.min(8, Math.max(0, prefix - index * 8))));
  return `${ipaddr.fromByteArray(masked).toString()}/${prefix}`;
}

/** Every text must satisfy `isNetwork`, else it throws a `RangeError`. What is not an address is in none. */
export function networks(texts: readonly string[]): (ip: string) => boolean {
  const list = texts.map((text) => {
    const network = parseNetwork(text);
    if (!network) throw new RangeError(`not a network: ${text}`);
    return network;
  });
  const quads = list.filter(([address]) => address.kind() === "ipv4").map(([address, prefix]) => quadNetwork(address.toString(), prefix));
  return (ip) => {
    const quad = quadNumber(ip);
    if (quad !== undefined) {
      for (const { base, mask } of quads) if ((quad & mask) === base) return true;
      return false;
    }
    const address = list.length === 0 ? undefined : parseUnmapped(ip);
    return address !== undefined && list.some((network) => holds(network, address));
  };
}

/** Of most clients: an IPv4 address as a number of 32 bits, for which nothing is allocated. `undefined`: it is none. */
export function quadNumber(text: string): number | undefined {
  if (!dottedQuad.test(text)) return undefined;
  let quad = 0;
  let octet = 0;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === dot) {
      quad = (quad << 8) | octet;
      octet = 0;
    } else octet = octet * 10 + code - zero;
  }
  return (quad << 8) | octet;
}

const quadText = (quad: number) => `${quad >>> 24}.${(quad >>> 16) & 255}.${(quad >>> 8) & 255}.${quad & 255}`;

/** A shift is by at most 31 bits. */
const quadMask = (prefix: number) => (prefix <= 0 ? 0 : -1 << (32 - Math.min(32, prefix)));

function quadNetwork(address: string, prefix: number): { readonly base: number; readonly mask: number } {
  const mask = quadMask(prefix);
  return { base: (quadNumber(address) ?? 0) & mask, mask };
}

function holds([base, prefix]: Network, address: Address): boolean {
  return base.kind() === address.kind() && address.match(base, prefix);
}

function parseNetwork(text: string): Network | undefined {
  const slash = text.indexOf("/");
  const address = parse(slash < 0 ? text : text.slice(0, slash));
  if (!address) return undefined;
  const bits = address.kind() === "ipv4" ? 32 : 128;
  const prefixText = slash < 0 ? String(bits) : text.slice(slash + 1);
  const prefix = Number(prefixText);
  if (!/^(?:0|[1-9]\d{0,2})$/.test(prefixText) || prefix > bits) return undefined;
  const plain = unmapped(address);
  if (plain.kind() === address.kind()) return [address, prefix];
  return prefix >= 96 ? [plain, prefix - 96] : [address, prefix];
}

function parseUnmapped(text: string): Address | undefined {
  const address = parse(text);
  return address && unmapped(address);
}

function unmapped(address: Address): Address {
  return address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
}

function parse(text: string): Address | undefined {
  if (text.length > maxTextLength) return undefined;
  if (!text.includes(":")) return dottedQuad.test(text) ? ipaddr.IPv4.parse(text) : undefined;
  const hex = withoutQuad(text);
  if (hex === undefined || !/^[\da-f:]+$/i.test(hex) || !ipaddr.IPv6.isValid(hex)) return undefined;
  return ipaddr.IPv6.parse(hex);
}

/** ipaddr.js reads `::1.2.3.4` as v4-mapped and lets octal numbers pass, so the quad is turned to hexadecimal before. */
function withoutQuad(text: string): string | undefined {
  if (!text.includes(".")) return text;
  const start = text.lastIndexOf(":") + 1;
  const quad = quadNumber(text.slice(start));
  if (quad === undefined) return undefined;
  return `${text.slice(0, start)}${(quad >>> 16).toString(16)}:${(quad & 0xffff).toString(16)}`;
}
