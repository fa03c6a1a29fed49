/** Whether an EHLO name counts as fully qualified: by the lenient rule (a dot and short labels), or strictly (RFC 5321 4.1.2, 4.1.3). */
import { canonicalIp } from "../mail/ip.ts";

export type FqdnRule = "stalwart" | "strict";

export function isFullyQualified(name: string, rule: FqdnRule): boolean {
  switch (rule) {
    case "stalwart":
      return hasDotAndShortLabels(name);
    case "strict":
      return isAddressLiteral(name) || isHostName(name);
  }
}

const maxLabelLength = 63;
const longLabel = /[^.]{64}/u;
const alphanumeric = /[\p{Alphabetic}\p{N}]/u;

/** A dot and an alphanumeric character anywhere, and no more than 63 characters between dots; nothing else is asked. */
function hasDotAndShortLabels(name: string): boolean {
  if (!name.includes(".") || !alphanumeric.test(name)) return false;
  return name.length <= maxLabelLength || !longLabel.test(name);
}

/** At least two labels of letters, digits and inner hyphens (also U-labels); the last is not all digits. One trailing dot is taken. */
function isHostName(name: string): boolean {
  const labels = (name.endsWith(".") ? name.slice(0, -1) : name).split(".");
  if (labels.length < 2 || name.length > 255) return false;
  return labels.every(isLabel) && !/^\d+$/.test(labels.at(-1) ?? "");
}

function isLabel(label: string): boolean {
  return [...label].length <= maxLabelLength && /^[\p{L}\p{M}\p{N}]([\p{L}\p{M}\p{N}-]*[\p{L}\p{M}\p{N}])?$/u.test(label);
}

function isAddressLiteral(name: string): boolean {
  const inner = /^\[(.+)\]$/.exec(name)?.[1];
  if (inner === undefined) return false;
  const tagged = /^ipv6:(.*)$/i.exec(inner);
  const address = tagged?.[1] ?? inner;
  return address.includes(":") === (tagged !== null) && canonicalIp(address) !== undefined;
}
