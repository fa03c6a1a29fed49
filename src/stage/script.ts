/**
 * The Sieve script of a stage: which one runs, what it sees, and what comes of it. A script that fails costs no mail unless the
 * configuration says so: what it had decided until then holds (`sieve.trusted.on-error`).
 */

import { type Answer, after } from "../answer/answer.ts";
import { TemporaryError } from "../answer/temporary-error.ts";
import type { Doubt, OnDoubt } from "../expr/expression.ts";
import { asString } from "../expr/result.ts";
import { parseAddress } from "../mail/address.ts";
import type { EnvelopeChange, EnvelopePart, Script, ScriptOutcome, ScriptSurroundings } from "../sieve/script.ts";
import { separatorOf } from "./address-rules.ts";
import type { Core, FailedScript } from "./core.ts";
import { evaluate } from "./evaluate.ts";
import { forNow, inDoubt, type Untold, untoldBy } from "./in-doubt.ts";
import type { Parameters } from "./parameters.ts";
import { ehloUnavailable, onTemporary, refuse, unavailable } from "./refuse.ts";
import { declaredSize, envelopeOf } from "./script-envelope.ts";
import { environmentItem, type Facts, type ScriptStage } from "./script-environment.ts";
import { askChecks, checksFor } from "./sender-auth.ts";
import type { Scripted } from "./session.ts";
import { askOf } from "./traced-ask.ts";
import { listedOf, type Scope } from "./vocabulary.ts";

export interface ScriptedCommand {
  readonly stage: ScriptStage;
  readonly scope: Scope;
  /** Of MAIL; at RCPT those of its transaction. */
  readonly mail: Parameters;
  /** Of RCPT. */
  readonly rcpt?: Parameters;
}

const nothing: Scripted = {};

/** For the trace. */
const step = "script";

/** It never throws a `TemporaryError`: a source that cannot tell is a failure of the script. */
export function runScript(command: ScriptedCommand, core: Core): Answer<Scripted> {
  const { stage } = command;
  let doubt: Doubt | undefined;
  const onDoubt = (each: Doubt) => {
    doubt ??= each;
  };
  /** `read`: items that might have told otherwise. Any script may read the sender. */
  const untoldNow = (read: Iterable<string> = []) =>
    untoldBy(doubt, checksFor([...read, ...(core.settings[stage].script?.variables ?? [])]), command.scope) ??
    command.scope.untoldSender?.untold;
  const chosen = onTemporary<ScriptedCommand, Script | Scripted>(
    () => chooseScript(command, core, onDoubt),
    (cause) => failed({ stage, message: `session.${stage}.script cannot tell which script to run`, cause }, nothing, core),
    command,
  );
  return after(chosen, (script) => {
    if (!("run" in script)) return withUntold(script, untoldNow, changesOfAny(stage, core));
    const needed = checksFor(script.reads);
    const read = needed === undefined || checksFor(script.doubts) === undefined ? undefined : new Set<string>();
    const onRead = read && ((item: string) => script.doubts.has(item) && read.add(item));
    const run = () => script.run(surroundingsOf(command, core, onDoubt, onRead));
    return after(needed === undefined ? run() : after(askChecks(needed, command.scope, core), run), (outcome) => {
      const { failure } = outcome;
      // The rest of the script might have taken a refusal back.
      if (failure !== undefined && !script.keepsRefusals)
        doubt ??= { what: placeOf({ stage, ...failure }), pull: 0, cause: failure.cause ?? new TemporaryError(failure.message) };
      const scripted = unlessInDoubt(scriptedBy(outcome, stage, core), () => untoldNow(read), core);
      core.trace?.({ step: `script ${script.name}`, asked: "outcome", answer: describe(outcome) });
      const decided = withUntold(scripted, () => untoldNow(read), changesOf(script, stage));
      return failure === undefined ? decided : failed({ stage, ...failure }, decided, core);
    });
  });
}

/** Which test led to a refusal does not show, so all must have been told that might have prevented it. */
function unlessInDoubt(scripted: Scripted, untoldNow: () => Untold | undefined, core: Core): Scripted {
  const { refusal } = scripted;
  if (refusal?.kind !== "reject") return scripted;
  const untold = untoldNow();
  return untold === undefined ? scripted : { refusal: forNow(refusal, inDoubt(step, untold, core)) };
}

/** What a script may change of what comes after it. */
interface Changes {
  readonly recipient: boolean;
  readonly sender: boolean;
}

function changesOf({ sets }: Pick<Script, "sets">, stage: ScriptStage): Changes {
  return { recipient: stage === "rcpt" && sets.has("to"), sender: stage !== "ehlo" && sets.has("from") };
}

/** Which one was to run may not be known. */
function changesOfAny(stage: ScriptStage, { settings }: Core): Changes {
  const all = settings.sieve.scripts.values().map((script) => changesOf(script, stage));
  return all.reduce((one, other) => ({ recipient: one.recipient || other.recipient, sender: one.sender || other.sender }), nothingChanged);
}

const nothingChanged: Changes = { recipient: false, sender: false };

/** With what might have changed something. */
function withUntold(scripted: Scripted, untoldNow: () => Untold | undefined, { recipient, sender }: Changes): Scripted {
  if (scripted.refusal !== undefined || !(recipient || sender)) return scripted;
  const untold = untoldNow();
  if (untold === undefined) return scripted;
  const known = { step, untold };
  return { ...scripted, ...(recipient && { untoldRecipient: known }), ...(sender && { untoldSender: known }) };
}

/** Or what comes of it that there is none. */
function chooseScript({ stage, scope }: ScriptedCommand, core: Core, onDoubt: OnDoubt): Answer<Script | Scripted> {
  const rule = core.settings[stage].script;
  if (rule === undefined) return nothing;
  return after(evaluate("script", rule, scope, core, onDoubt), (value) => {
    const name = asString(value);
    if (name === undefined || name === "") return nothing;
    const script = core.settings.sieve.scripts.get(name.toLowerCase());
    return script ?? failed({ stage, message: `session.${stage}.script names "${name}", which is not a script` }, nothing, core);
  });
}

/** What a script sees of this command. */
export function surroundingsOf(
  { stage, scope, mail, rcpt }: ScriptedCommand,
  core: Core,
  onDoubt?: OnDoubt,
  onRead?: (item: string) => void,
): ScriptSurroundings {
  const { sources, settings, trace, onScriptLine } = core;
  const now = sources.now();
  const facts: Facts = { stage, scope, mail, now, host: settings.host };
  return {
    environment(name) {
      onRead?.(name);
      return environmentItem(name, facts);
    },
    envelope: stage === "ehlo" ? {} : envelopeOf(scope, mail, rcpt, now),
    declaredSize: declaredSize(mail),
    ask: askOf(core),
    onDoubt,
    listed: (of) => listedOf.mail.get(of)?.(scope) ?? "",
    separatorOf: (domain) => separatorOf(domain, settings),
    now,
    yieldToLoop: () => sources.yieldToLoop(),
    ...(onScriptLine && { log: (entry) => onScriptLine({ stage, ...entry }) }),
    ...(trace && {
      trace: ({ script, line, what, answer }) =>
        trace({ step: `script ${script}`, asked: `line ${line}: ${what}`, answer: answer || "done" }),
    }),
  };
}

function scriptedBy({ action, changes }: ScriptOutcome, stage: ScriptStage, core: Core): Scripted {
  switch (action.kind) {
    case "reject":
      return { refusal: refuse(action.reply, "script") };
    // There is no message yet that could be dropped.
    case "discard":
    case "accept":
      return applied(changes, stage, core);
  }
}

/** The last change of a part counts. */
function applied(changes: readonly EnvelopeChange[], stage: ScriptStage, core: Core): Scripted {
  const last = new Map<EnvelopePart, string>();
  for (const { part, value = "" } of changes) last.set(part, value);
  const effects = effectsOf(last, stage);
  for (const part of last.keys()) {
    if (part === "from" ? effects.sender !== undefined : part === "to" && effects.recipient !== undefined) continue;
    core.trace?.({ step: "script", asked: `envelope.${part}`, answer: `changed for this script alone: ${whyNot(part, stage)}` });
  }
  return effects;
}

function effectsOf(changes: ReadonlyMap<EnvelopePart, string>, stage: ScriptStage): Scripted {
  if (stage === "ehlo") return nothing;
  const [sender, recipient = ""] = [changes.get("from"), changes.get("to")];
  return {
    ...(sender !== undefined && { sender: parseAddress(sender) }),
    ...(stage === "rcpt" && recipient !== "" && { recipient: parseAddress(recipient) }),
  };
}

function whyNot(part: EnvelopePart, stage: ScriptStage): string {
  if (stage === "ehlo") return "there is no envelope yet";
  // Servers that take the mail themselves add a recipient by it; an MTA that only asks cannot be given one.
  if (part === "to") return stage === "mail" ? "at MAIL there is no recipient to change" : "a recipient cannot be empty";
  return "no MTA lets this part be changed";
}

/** What the failure leads to, after it was reported. */
function failed(failure: FailedScript, decided: Scripted, core: Core): Scripted {
  core.onScriptFailure?.(failure);
  core.trace?.({ step: "script", asked: placeOf(failure), answer: `stopped: ${failure.message}` });
  const { onError } = core.settings.sieve;
  if (decided.refusal !== undefined) return decided;
  if (onError === "accept") {
    return withUntold(decided, () => ({ what: placeOf(failure), why: failure.message }), changesOfAny(failure.stage, core));
  }
  const reply = failure.stage === "ehlo" ? ehloUnavailable : core.settings.rcpt.replies.unavailable;
  return { refusal: unavailable(reply, failure.cause ?? new Error(failure.message)) };
}

function placeOf({ script, line, column }: FailedScript): string {
  return script === undefined ? "which script" : `${script}:${line}:${column}`;
}

function describe({ action }: ScriptOutcome): string {
  return action.kind === "reject" ? `reject ${action.reply.code} ${action.reply.status} ${action.reply.text}` : action.kind;
}
