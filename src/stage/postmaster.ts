/** RFC 5321 4.5.1: every server has a postmaster, whether or not a directory knows it. */

import { localPartOf } from "../mail/address.ts";
import { canonicalDomain } from "../mail/domain.ts";
import { canonicalIp } from "../mail/ip.ts";
import type { Resolution } from "./resolve.ts";
import type { Session } from "./session.ts";
import type { Settings } from "./stage-settings.ts";

/** Postmaster without a domain, and at the address of the server, is the MTA's own. */
export function isOwnPostmaster(address: string, { server }: Session): boolean {
  if (address === "postmaster") return true;
  if (!address.startsWith("postmaster@[")) return false;
  const [, literal] = /^postmaster@\[(?:ipv6:)?([^\]]+)\]$/i.exec(address) ?? [];
  return literal !== undefined && server.address !== "" && canonicalIp(literal) === server.address;
}

/** That of a local domain, or of the server by its name; `kind` is what a directory says of the address. */
export function isPostmaster(address: string, kind: Resolution["kind"], { host }: Settings): boolean {
  if (kind === "unknown") return localPartOf(address) === "postmaster";
  return kind === "foreign" && address.startsWith("postmaster@") && address === `postmaster@${canonicalDomain(host.hostname)}`;
}
