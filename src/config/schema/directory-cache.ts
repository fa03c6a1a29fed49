/** The keys of `[directory.X.cache]`. */
import { z } from "zod";
import { duration } from "./values.ts";

export const directoryCache = z
  .strictObject({
    entries: z
      .int()
      .min(0)
      .max(10_000_000)
      .default(50000)
      .meta({
        description:
          "Addresses kept that exist, and as many that do not; the same of domains. Besides them a quarter as many that exist with a tag (`john+lists@`), or " +
          "only because their whole domain has a row: strangers can make up any number of these, and push out no others. 0 keeps none.",
      }),
    ttl: z
      .strictObject({
        positive: duration("1h", "How long it is remembered that an address or a domain exists."),
        negative: duration("30s", "How long it is remembered that it does not."),
      })
      .prefault({}),
    stale: duration("1d", "How long an expired positive answer is still used while the source is unavailable."),
  })
  .prefault({});
