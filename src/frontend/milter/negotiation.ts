/** What is asked of an MTA when a connection opens: by what the configuration can come to, so that no event waits in vain. */
import { asBoolean, asString } from "../../expr/result.ts";
import type { Value } from "../../expr/value.ts";
import type { Core } from "../../stage/core.ts";
import { openSession } from "../../stage/session.ts";
import type { Rule } from "../../stage/stage-settings.ts";
import type { Scope } from "../../stage/vocabulary.ts";
import type { EventKind, Wants } from "../../wire/milter/options.ts";
import type { Mode } from "../policy/policy.ts";

export interface MilterSettings {
  readonly mode: Mode;
  readonly extensions: "observe" | "enforce";
  readonly rewrite: boolean;
}

/** CONNECT and HELO are only listened to: an MTA keeps their verdicts for the whole session, even after a better HELO. */
export function wantsOf(core: Core, settings: MilterSettings): Wants {
  const isShadow = settings.mode === "shadow";
  const envelope: readonly EventKind[] = ["mail", "rcpt"];
  const answered = envelope.filter((event) => !isShadow && (event === "rcpt" || mayRefuseMail(core, settings)));
  const { mail, rcpt, sieve } = core.settings;
  const scriptSetsSender = sieve.scripts.values().some(({ sets }) => sets.has("from"));
  const changesSender =
    mayYieldText(mail.rewrite, core) || (scriptSetsSender && (mayYieldText(mail.script, core) || mayYieldText(rcpt.script, core)));
  const changes = [
    "deleteRecipient",
    "addRecipient",
    "addRecipientWithParameters",
    ...(changesSender ? (["changeSender"] as const) : []),
  ] as const;
  return {
    answered,
    heard: ["connect", "helo", ...envelope.filter((event) => !answered.includes(event))],
    edits: isShadow
      ? []
      : [...(settings.rewrite ? changes : []), ...(core.settings.rcpt.greylist.headerHost !== undefined ? (["addHeader"] as const) : [])],
    refusedRecipients: true,
  };
}

function mayRefuseMail(core: Core, { extensions }: MilterSettings): boolean {
  const { ehlo, mail, throttles } = core.settings;
  const mayHold = (rule: Rule) => asBoolean(fixedValue(rule, core) ?? 1);
  return (
    throttles.connect.length + throttles.mail.length > 0 ||
    extensions === "enforce" ||
    ehlo.blocklist.length > 0 ||
    mail.rewrite.waits ||
    mayYieldText(ehlo.script, core) ||
    mayYieldText(mail.script, core) ||
    mayHold(ehlo.require) ||
    mayHold(ehlo.rejectNonFqdn)
  );
}

function mayYieldText(rule: Rule | undefined, core: Core): boolean {
  return rule !== undefined && asString(fixedValue(rule, core) ?? "") !== undefined;
}

/** `undefined`: it depends on something. */
function fixedValue(rule: Rule, core: Core): Value | undefined {
  if (rule.waits || rule.variables.size > 0) return undefined;
  const value = rule.evaluate(nobody, core.sources.ask);
  return value instanceof Promise ? undefined : value;
}

/** For rules that name nothing of a session. */
const nobody: Scope = {
  session: openSession({
    listener: "",
    protocol: "smtp",
    client: { address: undefined, name: "", port: 0 },
    server: { address: "", port: 0 },
    trusted: false,
  }),
  helo: "",
  sender: "",
  rcpt: "",
};
