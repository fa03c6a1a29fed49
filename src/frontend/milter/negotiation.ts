/**
 * What is asked of an MTA when a connection opens: the events by what the configuration can come to, so that none waits in vain, and
 * all changes, since a reload must not meet a session that takes none.
 */
import { asBoolean, asString } from "../../expr/result.ts";
import type { Mode } from "../../stage/core.ts";
import type { Rule, Settings } from "../../stage/stage-settings.ts";
import type { EventKind, Requirements } from "../../wire/milter/options.ts";

export interface MilterSettings {
  readonly mode: Mode;
  readonly extensions: "observe" | "enforce";
  readonly rewrite: boolean;
}

/** What a listener requires of the MTA that opens a connection. It is found out anew only when the configuration has changed. */
export class ListenerRequirements {
  #known: { readonly stages: Settings; readonly settings: MilterSettings; readonly requirements: Requirements } | undefined;

  of(stages: Settings, settings: MilterSettings): Requirements {
    if (this.#known?.stages !== stages || this.#known.settings !== settings) {
      this.#known = { stages, settings, requirements: requirementsOf(stages, settings) };
    }
    return this.#known.requirements;
  }
}

const changes = ["deleteRecipient", "addRecipient", "addRecipientWithParameters", "changeSender", "addHeader"] as const;

/** CONNECT and HELO are only listened to: an MTA keeps their verdicts for the whole session, even after a better HELO. */
function requirementsOf(stages: Settings, settings: MilterSettings): Requirements {
  const isShadow = settings.mode === "shadow";
  const envelope: readonly EventKind[] = ["mail", "rcpt"];
  const replied = envelope.filter((event) => !isShadow && (event === "rcpt" || mayRefuseMail(stages, settings)));
  return {
    replied,
    noReply: ["connect", "helo", ...envelope.filter((event) => !replied.includes(event))],
    modifications: isShadow ? [] : changes,
    refusedRecipients: true,
  };
}

function mayRefuseMail({ ehlo, auth, mail, throttles, senderAuth }: Settings, { extensions }: MilterSettings): boolean {
  const mayHold = ({ constant = 1 }: Rule) => asBoolean(constant);
  return (
    throttles.connect.length + throttles.mail.length > 0 ||
    extensions === "enforce" ||
    ehlo.blocklist.length + ehlo.deny.length + mail.deny.length > 0 ||
    !asBoolean(mail.isAllowed.constant ?? 0) ||
    mayHold(auth.mustMatchSender) ||
    mail.rewrite.waits ||
    senderAuth.spfEhlo !== undefined ||
    senderAuth.spfMail !== undefined ||
    senderAuth.iprev !== undefined ||
    mayYieldText(ehlo.script) ||
    mayYieldText(mail.script) ||
    mayHold(ehlo.require) ||
    mayHold(ehlo.rejectNonFqdn)
  );
}

function mayYieldText(rule: Rule | undefined): boolean {
  return rule !== undefined && asString(rule.constant ?? "") !== undefined;
}
