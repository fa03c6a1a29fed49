/** What is asked of an MTA when a connection opens: by what the configuration can come to, so that no event waits in vain. */
import { asBoolean, asString } from "../../expr/result.ts";
import type { Core, Mode } from "../../stage/core.ts";
import type { Rule } from "../../stage/stage-settings.ts";
import type { EventKind, Requirements } from "../../wire/milter/options.ts";

export interface MilterSettings {
  readonly mode: Mode;
  readonly extensions: "observe" | "enforce";
  readonly rewrite: boolean;
}

/** CONNECT and HELO are only listened to: an MTA keeps their verdicts for the whole session, even after a better HELO. */
export function requirementsOf(core: Core, settings: MilterSettings): Requirements {
  const isShadow = settings.mode === "shadow";
  const envelope: readonly EventKind[] = ["mail", "rcpt"];
  const replied = envelope.filter((event) => !isShadow && (event === "rcpt" || mayRefuseMail(core, settings)));
  const { mail, rcpt, sieve } = core.settings;
  const scriptSetsSender = sieve.scripts.values().some(({ sets }) => sets.has("from"));
  const changesSender = mayYieldText(mail.rewrite) || (scriptSetsSender && (mayYieldText(mail.script) || mayYieldText(rcpt.script)));
  const changes = [
    "deleteRecipient",
    "addRecipient",
    "addRecipientWithParameters",
    ...(changesSender ? (["changeSender"] as const) : []),
  ] as const;
  return {
    replied,
    noReply: ["connect", "helo", ...envelope.filter((event) => !replied.includes(event))],
    modifications: isShadow
      ? []
      : [...(settings.rewrite ? changes : []), ...(core.settings.rcpt.greylist.headerHost !== undefined ? (["addHeader"] as const) : [])],
    refusedRecipients: true,
  };
}

function mayRefuseMail(core: Core, { extensions }: MilterSettings): boolean {
  const { ehlo, mail, throttles } = core.settings;
  const mayHold = ({ constant = 1 }: Rule) => asBoolean(constant);
  return (
    throttles.connect.length + throttles.mail.length > 0 ||
    extensions === "enforce" ||
    ehlo.blocklist.length > 0 ||
    mail.rewrite.waits ||
    mayYieldText(ehlo.script) ||
    mayYieldText(mail.script) ||
    mayHold(ehlo.require) ||
    mayHold(ehlo.rejectNonFqdn)
  );
}

function mayYieldText(rule: Rule | undefined): boolean {
  return rule !== undefined && asString(rule.constant ?? "") !== undefined;
}
