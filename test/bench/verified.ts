/** A policy request of which the DNS is asked, SPF, the reverse name and two DNS lists, with all answers in the cache; and the same without. */

import { parseConfiguration } from "../../src/config/load.ts";
import { openCore } from "../../src/daemon/open-core.ts";
import { domainOf } from "../../src/mail/address.ts";
import { reverseName } from "../../src/mail/ip.ts";
import { MemoryState } from "../../src/state/memory.ts";
import { type DnsEntry, DnsServer } from "../support/dns-server.ts";
import { type HotPath, policy, repeat } from "./hot-paths.ts";
import { policyRequest } from "./load/dialogue.ts";
import { type Mail, mailOf } from "./load/mail.ts";

/** So many are in the caches; their numbers are even, as those of mail to mailboxes are. */
const clients = 250;
const mails = Array.from({ length: clients }, (_, number) => mailOf(2 * number, 1));

/** The MTA knows no name of the client, so that it is asked for. */
function requestOf(number: number): Buffer {
  const request = policyRequest(2 * (number % clients), 1 + Math.floor(number / clients)).toString();
  return Buffer.from(request.replace(/^client_name=.*$/m, "client_name=unknown"));
}

const accounts = `
  [directory.accounts]
  type = "memory"
  principals = [ { name = "all", class = "individual", email = ${JSON.stringify([...new Set(mails.map(({ recipient }) => recipient))])} } ]`;

const asked = `
  [dns-list]
  zen = { zone = "zen.example", of = "client", listed = ["127.0.0.2"] }
  other = { zone = "other.example", of = "client", listed = ["127.0.0.2"] }
  [auth.spf.verify]
  mail-from = "'enforce'"
  [auth.iprev]
  verify = "'relaxed'"
  [[session.mail.deny]]
  if = "dns_listed('zen') || dns_listed('other')"`;

function recordsOf({ client, name, sender }: Mail): readonly (readonly [string, DnsEntry])[] {
  return [
    [domainOf(sender) ?? "", [{ type: "TXT", chunks: [`v=spf1 ip4:${client} -all`] }]],
    [`${reverseName(client)}.in-addr.arpa`, [{ type: "PTR", host: name }]],
    [name, [{ type: "A", address: client, ttl: 3600 }]],
  ];
}

export async function verified(): Promise<
  Readonly<Record<"policy request, by the daemon" | "policy request, SPF, name, two lists", HotPath>>
> {
  const server = await DnsServer.start({
    ...Object.fromEntries(mails.flatMap(recordsOf)),
    ...Object.fromEntries(["zen", "other"].map((zone) => [`2.0.0.127.${zone}.example`, [{ type: "A", address: "127.0.0.2" }]])),
  });
  const dns = `
    [dns]
    resolvers = ["${server.address}"]
    timeout = "60s"
    cache.ttl = { positive = "1h", negative = "1h" }`;
  const path = served(accounts + dns + asked);
  await repeat(path(clients), clients);
  await server.stop();
  return { "policy request, by the daemon": served(accounts), "policy request, SPF, name, two lists": path };
}

function served(text: string): HotPath {
  const { configuration, problems } = parseConfiguration(text, "bench.toml", () => "", { serves: false });
  if (configuration === undefined) throw new Error(JSON.stringify(problems));
  const opened = openCore(configuration, {
    ...{ now: () => 0, clock: () => 0, onAvailability: () => {} },
    leaseState: () => ({ state: new MemoryState(), release: async () => {} }),
  });
  return policy({ core: () => opened.forRequest() }, requestOf);
}
