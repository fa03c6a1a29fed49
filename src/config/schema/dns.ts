/** The keys of `[dns]` and `[dns-list.*]`. */
import { z } from "zod";
import { type CodePattern, parseCodes } from "../../dns/list-codes.ts";
import { dnsListSubjects } from "../../expr/ask.ts";
import { canonicalDomain, isHostName } from "../../mail/domain.ts";
import { canonicalIp } from "../../mail/ip.ts";
import { duration, parseListenAddress, written } from "./values.ts";

const resolver = z.string().superRefine((text, context) => {
  const withPort = parseListenAddress(text);
  const isAddress = canonicalIp(text) === text || (typeof withPort === "object" && withPort.kind === "inet" && withPort.port > 0);
  if (isAddress) return;
  context.addIssue(`"${text}" is not the address of a resolver. Write it as "127.0.0.1", "127.0.0.1:5353", "::1" or "[::1]:5353".`);
});

export const dnsTable = z
  .strictObject({
    resolvers: z
      .array(resolver)
      .max(16)
      .default([])
      .meta({
        description:
          "Addresses of the resolvers to ask, in this order, with or without a port; the next one is asked where one is silent or cannot tell. " +
          "Empty: those that the system has now (`/etc/resolv.conf`).",
      }),
    timeout: duration("2s", "Deadline of one query, including all tries."),
    cache: z
      .strictObject({
        entries: z.int().min(0).max(1_000_000).default(10_000).meta({
          description:
            "Answers kept, and as many about names that do not exist; so many results, too, of SPF, of reverse names and of each DNS list, for as long as the answers they stand on. 0 keeps none.",
        }),
        ttl: z
          .strictObject({
            positive: duration("5m", "How long records are remembered; addresses no longer than their own TTL."),
            negative: duration("1m", "How long it is remembered that there are none."),
          })
          .prefault({}),
      })
      .prefault({}),
  })
  .prefault({})
  .meta({
    description:
      "How `dns_query(name, type)` and `dns_exists(name, type)` ask. The type is `ip` (both kinds of address), `ipv4`, `ipv6`, `mx` (hosts by preference), " +
      "`txt` (one text, a line for each record) or `ptr` (of an address). Where there is none, `dns_query` yields `''` in rules and `'not_found'` in scripts. " +
      "While the DNS is unavailable rules defer; scripts get `'temp_fail'` and -1.",
  });

/** With room for the longest name of an address. */
const maxZoneOctets = 189;

/** What is wrong with one may not be said with its text, which may hold a key. */
const zone = z.string().refine((text) => text.length <= maxZoneOctets && isHostName(canonicalDomain(text)), {
  error: 'is not a domain. Write it like "zen.spamhaus.org".',
});

const codeForms = '"127.0.0.2", "127.0.0.2-127.0.0.11", "127.0.0.0/24" or "127.0.[0..255].[1..3]"';

const codes = written<CodePattern>((text) => parseCodes(text) ?? `"${text}" is not a code of a list. Write ${codeForms}.`);

export const dnsListTable = z
  .record(
    z.string(),
    z.strictObject({
      zone: zone.meta({
        description:
          "The domain of the list. It may hold your key: it stands in no reply, log line or message, which have the name of the table.",
      }),
      of: z.enum(dnsListSubjects).meta({
        description:
          "What the list is asked about: the `client` by its address, or a domain: `ehlo`, the name that the client gives; `sender`, that of the sender; " +
          "`client-name`, the client's by its reverse DNS. A literal or an address instead of a domain is not asked.",
      }),
      listed: z
        .array(codes)
        .min(1)
        .meta({ description: `Codes that count: ${codeForms.replaceAll('"', "`")}. Others are as if not listed.` }),
      errors: z.array(codes).prefault(["127.255.255.0/24"]).meta({
        description:
          "Codes by which the list refuses to answer; so does every code outside 127.0.0.0/8. They never count: the list cannot tell then, which is logged.",
      }),
      timeout: duration(
        "2s",
        "Deadline of a question. One request waits no longer than that for all lists, and no request waits for a list that has just given no answer.",
      ),
    }),
  )
  .default({})
  .meta({
    description:
      "Lists in the DNS (DNSBL, RFC 5782), for `dns_listed(name)`, true or false, and `dns_list(name)`, the codes that count. All that one rule names are asked at the same time, when a rule comes to the first, " +
      "and none about trusted and authenticated sessions. A list that cannot tell lists nothing; a refusal that it could have prevented, as `!dns_listed(name)` does, is one for now (451). One that lists its test address 127.0.0.1 (`INVALID` for domains) lists everything and is switched off: the test addresses are asked at start and once an hour.",
  });
