/** The keys of `[dns]`. */
import { z } from "zod";
import { canonicalIp } from "../../mail/ip.ts";
import { duration, parseListenAddress } from "./values.ts";

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
      .meta({ description: "Addresses of the resolvers to ask, in this order, with or without a port. Empty: those of the system." }),
    timeout: duration("2s", "Deadline of one query, including all tries."),
    cache: z
      .strictObject({
        entries: z
          .int()
          .min(0)
          .max(1_000_000)
          .default(10_000)
          .meta({ description: "Answers kept, and as many about names that do not exist. 0 keeps none." }),
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
