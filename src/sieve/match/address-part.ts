/** The parts of an address that tests look at (RFC 5228 2.7.4, RFC 5233). */
import { domainOf, localPartOf } from "../../mail/address.ts";
import type { Arguments, ScriptContext, TagArgument, TagRecord } from "../compile/definition.ts";
import type { ScriptRun } from "../run/script-run.ts";

/** `undefined`: the address has no such part, which is not the same as an empty one. */
export type AddressPart = (address: string, run: ScriptRun) => string | undefined;

const parts: ReadonlyMap<string, AddressPart> = new Map<string, AddressPart>([
  ["all", (address) => address],
  ["localpart", localPartOf],
  ["domain", domainOf],
  ["user", (address, run) => separated(address, run)?.user ?? localPartOf(address)],
  ["detail", (address, run) => separated(address, run)?.detail],
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
export function addressPartOf(args: Arguments, context: ScriptContext): AddressPart {
  const tag = addressPartTag(args);
  const part = parts.get(tag?.name ?? "all") ?? parts.get("all");
  if (!part) throw new Error("there is no address part :all");
  if (tag?.name === "user" || tag?.name === "detail") warnOfSeparator(tag, context);
  return (address, run) => (address === "" ? "" : part(address, run));
}

function warnOfSeparator({ offset }: TagArgument, { vocabulary: { subAddressing }, warnOnce }: ScriptContext): void {
  if (subAddressing === "rules")
    warnOnce(offset, 'sub-addressing is a rule, which has no separator: ":user" and ":detail" separate the local part at its first "+".');
  if (subAddressing === "off")
    warnOnce(offset, 'sub-addressing is off, so no address has a detail: ":user" is the whole local part, and ":detail" matches nothing.');
}

/** `undefined`: its domain has no separator, or the address has none. */
function separated(address: string, { surroundings }: ScriptRun): { readonly user: string; readonly detail: string } | undefined {
  const localPart = localPartOf(address);
  const separator = surroundings.separatorOf(domainOf(address) ?? "");
  const at = separator === undefined ? -1 : localPart.indexOf(separator);
  return separator === undefined || at < 0 ? undefined : { user: localPart.slice(0, at), detail: localPart.slice(at + separator.length) };
}
