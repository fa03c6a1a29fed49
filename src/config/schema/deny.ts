/** The `deny` of a stage: refusals of the administrator's own. */
import { z } from "zod";
import { replyText } from "./reply-text.ts";
import { partMode, requiredRules } from "./values.ts";

export function denials(stage: "ehlo" | "mail" | "rcpt", order: string) {
  const denial = z.strictObject({
    mode: partMode("it"),
    if: requiredRules(stage, "true or false", "When it refuses."),
    reply: replyText("550 5.7.1 Access denied.", ["4", "5"], "What is answered; `{helo_domain}` stands for the value of that variable."),
  });
  return z
    .array(denial)
    .default([])
    .meta({
      description: `Refusals of your own, of which the first whose \`if\` is true answers. ${order} Every session is asked, trusted and authenticated ones too. A refusal that a DNS list, SPF or iprev could have prevented, which cannot tell now, is one for now: 451, with the same text.`,
    });
}
