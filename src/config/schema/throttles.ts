/** The keys of `[[session.throttle]]`. */
import { z } from "zod";
import { throttleKeys } from "../../stage/stage-settings.ts";
import { onStoreFailure, rate, rules } from "./values.ts";

const throttle = z.strictObject({
  enable: z.boolean().default(true).meta({ description: "False turns it off." }),
  match: rules("rcpt", "true or false", true, "What it applies to."),
  key: z
    .array(z.enum(throttleKeys))
    .default([])
    .meta({
      description: `What is counted separately: ${throttleKeys.map((key) => `\`${key}\``).join(", ")}. Empty: all is counted together.`,
    }),
  rate: rate.meta({ description: "How many in a period: `100/1h`." }),
  count: z.enum(["recipients", "messages"]).optional().meta({
    description: "At RCPT: each recipient, or a message once, at its first accepted recipient.",
    unset:
      "by the variables of `key` and `match`: with `rcpt`, `rcpt_domain` or `recipients` recipients, of which `rcpt_domain` without `rcpt` counts one a message; else with `sender`, `sender_domain`, `helo_domain`, `authenticated_as` or `is_tls` MAIL commands; else connections",
  }),
  window: z.enum(["fixed", "sliding"]).default("fixed").meta({
    description: "`fixed` begins to count again with each period, `sliding` looks back over one period at any time.",
  }),
  "on-store-failure": onStoreFailure("What happens to what it applies to while the state store is unavailable."),
});

export const throttleTables = z
  .array(throttle)
  .prefault([])
  .meta({ description: "How often something may happen. In TOML `[[session.throttle]]`, in JSON also `MtaInboundThrottle`." });
