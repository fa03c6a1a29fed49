/** The keys of `[auth]`: what the DNS says of a client and its sender. */
import { z } from "zod";
import { rules } from "./values.ts";

const strategy = "`disable`, `relaxed`, `strict` or `enforce`";

export const authTable = z
  .strictObject({
    spf: z
      .strictObject({
        verify: z
          .strictObject({
            ehlo: rules("ehlo", strategy, "disable", "SPF of the EHLO name."),
            "mail-from": rules(
              "mail",
              strategy,
              "disable",
              "SPF of the sender as given with MAIL; for the null sender that of the EHLO name.",
            ),
          })
          .prefault({}),
        header: z
          .boolean()
          .default(false)
          .meta({
            description:
              "Whether a message of which SPF was asked gets a `Received-SPF` header. With the policy protocol one reply carries one header, " +
              "and that of `session.rcpt.greylist.header` comes first.",
          }),
      })
      .prefault({}),
    iprev: z
      .strictObject({
        verify: rules("mail", strategy, "disable", "Whether a name of the client leads back to its address (iprev of RFC 8601)."),
      })
      .prefault({}),
  })
  .prefault({})
  .meta({
    description:
      "What the DNS says of a client and its sender; trusted and authenticated sessions are not asked about. `disable` asks nothing, " +
      "`relaxed` asks and never refuses, `enforce` refuses `fail` and defers `temperror`, `strict` refuses all but `pass`. " +
      "The results are the variables `spf_ehlo_result`, `spf_result`, `iprev_result` (`''` if not asked) and `iprev_ptr`, the confirmed " +
      "name; a rule or a script that names one has it asked, whatever is set here. SPF asks the DNS for at most 5 seconds in all.",
  });
