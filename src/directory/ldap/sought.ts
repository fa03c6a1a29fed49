/**
 * Whether an entry that a server has found has what was looked for: servers find what they take for the same (RFC 4518), such as
 * letters without their accents and several spaces for one.
 */
import { canonicalAddress } from "../../mail/address.ts";
import { addressIn, type LdapEntry, valuesOf } from "./entry.ts";

/** A text that an attribute of the entry must have, in either case. */
export interface Sought {
  readonly attribute: string;
  readonly text: string;
}

export function hasSame(entry: LdapEntry, sought: readonly Sought[]): boolean {
  return has(entry, sought, (value, text) => canonicalAddress(value) === canonicalAddress(text));
}

/** Something that a server may have taken for it, so that it was not found by what may not be read. */
export function hasSimilar(entry: LdapEntry, sought: readonly Sought[]): boolean {
  letters ??= new Intl.Collator("und", { sensitivity: "base" });
  const { compare } = letters;
  return has(entry, sought, (value, text) => compare(value.replace(/\s/g, ""), text.replace(/\s/g, "")) === 0);
}

let letters: Intl.Collator | undefined;

function has(entry: LdapEntry, sought: readonly Sought[], isIt: (value: string, text: string) => boolean): boolean {
  return sought.some(({ attribute, text }) =>
    valuesOf(entry, attribute).some((value) => [value, addressIn(value) ?? value].some((each) => isIt(each, text))),
  );
}
