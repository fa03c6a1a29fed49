/** What a DNS list is asked for: the name below its zone (RFC 5782 sections 2 to 5). */
import type { DnsListSubject } from "../expr/ask.ts";
import { isHostName } from "../mail/domain.ts";
import { reverseName } from "../mail/ip.ts";

const maxNameOctets = 253;

/** `about`: an address, or a canonical domain. `undefined`: the list cannot have it, so that nobody is asked. */
export function listName(of: DnsListSubject, about: string, zone: string): string | undefined {
  const below = of === "client" ? reverseName(about) : domainToAsk(about);
  const name = below === undefined ? undefined : `${below}.${zone}`;
  return name === undefined || name.length > maxNameOctets ? undefined : name;
}

/** Lists of domains answer an address, or a part of one, by an error; a name without a dot is no domain that anybody has. */
function domainToAsk(domain: string): string | undefined {
  return domain.length <= maxNameOctets && isHostName(domain) && domain.includes(".") && !/(?:^|\.)\d+$/.test(domain) ? domain : undefined;
}

export interface TestPoint {
  /** As messages name it. */
  readonly about: string;
  /** Below the zone. */
  readonly name: string;
  readonly isListed: boolean;
}

/** What every list has, and what none has (RFC 5782 section 5). */
export function testPoints(of: DnsListSubject): readonly TestPoint[] {
  if (of !== "client") {
    return [
      { about: "TEST", name: "test", isListed: true },
      { about: "INVALID", name: "invalid", isListed: false },
    ];
  }
  return [
    { about: "127.0.0.2", name: "2.0.0.127", isListed: true },
    { about: "127.0.0.1", name: "1.0.0.127", isListed: false },
    // A v4-mapped address is written as one of IPv6 here.
    { about: "::FFFF:7F00:1", name: "1.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0", isListed: false },
  ];
}
