/** The parts of an address that tests look at (RFC 5228 2.7.4, RFC 5233). */
import { domainOf, localPartOf } from "../../mail/address.ts";
import type { Arguments, TagArgument, TagRecord } from "../compile/definition.ts";

const separator = "+";

/** `undefined`: the address has no such part, which is not the same as an empty one. */
type AddressPart = (address: string) => string | undefined;

const parts: ReadonlyMap<string, AddressPart> = new Map<string, AddressPart>([
  ["all", (address) => address],
  ["localpart", localPartOf],
  ["domain", domainOf],
  ["user", (address) => userOf(localPartOf(address))],
  ["detail", (address) => detailOf(localPartOf(address))],
]);

const group = "address-part";

export const addressPartTags: readonly TagRecord[] = [
  { name: "all", group },
  { name: "localpart", group },
  { name: "domain", group },
  { name: "user", group, capability: "subaddress" },
  { name: "detail", group, capability: "subaddress" },
];

/** The tag of an address part that was given. */
export function addressPartTag(args: Arguments): TagArgument | undefined {
  return args.inGroup(group);
}

/** Every part of the null sender is empty (RFC 5228 5.4). */
export function addressPartOf(args: Arguments): AddressPart {
  const part = parts.get(addressPartTag(args)?.name ?? "all") ?? parts.get("all");
  if (!part) throw new Error("there is no address part :all");
  return (address) => (address === "" ? "" : part(address));
}

function userOf(localPart: string): string {
  const at = localPart.indexOf(separator);
  return at < 0 ? localPart : localPart.slice(0, at);
}

function detailOf(localPart: string): string | undefined {
  const at = localPart.indexOf(separator);
  return at < 0 ? undefined : localPart.slice(at + 1);
}
