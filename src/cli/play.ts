/** Plays one SMTP session through the stages, as `explain` shows it: each command, its reply, and the trace behind it. */
import type { ListenerSettings } from "../config/configuration.ts";
import { canonicalIp } from "../mail/ip.ts";
import { smtpPort } from "../mail/port.ts";
import { formatReply, type Reply } from "../mail/reply.ts";
import type { Core, TraceEntry } from "../stage/core.ts";
import { decideEhlo } from "../stage/ehlo.ts";
import { decideMailParameters, decideRcptParameters } from "../stage/extensions.ts";
import { decideMail } from "../stage/mail.ts";
import { decideRcpt } from "../stage/rcpt.ts";
import { admitRecipient, beginTransaction, openSession, type Session } from "../stage/session.ts";
import type { RcptOutcome, Reason, Verdict, VrfyOutcome } from "../stage/verdict.ts";
import { decideExpn, decideVrfy } from "../stage/vrfy.ts";

/** What the client says, in the order of an SMTP session. */
export interface Script {
  readonly client: { readonly address?: string | undefined; readonly name?: string | undefined; readonly port?: number | undefined };
  readonly server?: { readonly address?: string | undefined; readonly port?: number | undefined } | undefined;
  readonly helo?: string | undefined;
  readonly auth?: string | undefined;
  readonly tls?: boolean | undefined;
  /** Left out: no MAIL. `""` is the null sender. */
  readonly sender?: string | undefined;
  readonly mailArgs?: readonly string[] | undefined;
  readonly recipients?: readonly (string | { readonly address: string; readonly args?: readonly string[] | undefined })[] | undefined;
  readonly vrfy?: string | undefined;
  readonly expn?: string | undefined;
}

export interface Step {
  readonly stage: "ehlo" | "mail" | "rcpt" | "vrfy" | "expn";
  readonly input: string;
  /** `null`: a pass. */
  readonly reply: string | null;
  readonly reason: Reason;
  readonly disconnect: boolean;
  readonly delayMs: number;
  /** After a MAIL that passed: the sender, rewritten. After a RCPT whose script changed it: what it is from now on. */
  readonly sender?: string;
  /** After a RCPT that passed and is no duplicate: where it goes. */
  readonly resolved?: readonly string[];
  readonly trace: readonly TraceEntry[];
}

/** A disconnect ends it; after any other refusal the client goes on. */
export async function play(script: Script, listener: ListenerSettings, core: Core): Promise<readonly Step[]> {
  const session = sessionOf(script, listener);
  const steps: Step[] = [];
  const closed = () => steps.at(-1)?.disconnect === true;

  if (script.helo !== undefined) steps.push(await playEhlo(session, script.helo, core));
  if (script.sender !== undefined) steps.push(await playMail(session, script.sender, script.mailArgs ?? [], core));
  for (const recipient of script.recipients ?? []) {
    if (closed()) break;
    const { address, args = [] } = typeof recipient === "string" ? { address: recipient } : recipient;
    steps.push(await playRcpt(session, address, args, core));
  }
  if (script.vrfy !== undefined && !closed()) steps.push(await playQuestion("vrfy", decideVrfy, session, script.vrfy, core));
  if (script.expn !== undefined && !closed()) steps.push(await playQuestion("expn", decideExpn, session, script.expn, core));
  return steps;
}

function sessionOf({ client, server, auth, tls }: Script, listener: ListenerSettings): Session {
  const address = client.address === undefined ? undefined : canonicalIp(client.address);
  return openSession(
    {
      listener: listener.name,
      protocol: "smtp",
      client: { address, name: client.name ?? "", port: client.port ?? 0 },
      server: { address: server?.address ?? "", port: server?.port ?? listener.localPort ?? smtpPort },
      trusted: address !== undefined && listener.trustedNetworks.contains(address),
    },
    auth ?? "",
    tls ?? false,
  );
}

async function playEhlo(session: Session, name: string, core: Core): Promise<Step> {
  const { result, trace } = await traced(core, (tracing) => decideEhlo(session, name, tracing));
  if (result.kind === "pass") session.helo = name;
  return { stage: "ehlo", input: name, ...shown(result), trace };
}

async function playMail(session: Session, sender: string, args: readonly string[], core: Core): Promise<Step> {
  const { result, trace } = await traced(core, async (tracing) => {
    const outcome = await decideMail(session, sender, tracing, { parameters: args });
    if (outcome.verdict.kind !== "pass") return outcome;
    const { verdict } = await decideMailParameters(session, outcome.sender, args, tracing, Date.now());
    return verdict.kind === "pass" ? outcome : { ...outcome, verdict };
  });
  const passed = result.verdict.kind === "pass";
  if (passed) beginTransaction(session, result.sender, args);
  return { stage: "mail", input: sender, ...shown(result.verdict), ...(passed && { sender: result.sender }), trace };
}

async function playRcpt(session: Session, recipient: string, args: readonly string[], core: Core): Promise<Step> {
  const { result, trace } = await traced(core, async (tracing): Promise<RcptOutcome> => {
    const { verdict } = await decideRcptParameters(session, args, tracing, Date.now());
    // Without MAIL the stage has something else to say.
    if (verdict.kind !== "pass" && session.transaction !== undefined) return { verdict, countsAsError: false };
    return decideRcpt(session, recipient, tracing, { parameters: args });
  });
  const { verdict, admission, countsAsError } = result;
  if (countsAsError) session.errors += 1;
  if (admission !== undefined && session.transaction !== undefined) admitRecipient(session.transaction, admission);
  const resolved = verdict.reason === "duplicate" ? undefined : admission?.resolved;
  const sender = admission?.sender;
  return {
    ...{ stage: "rcpt", input: recipient, ...shown(verdict), trace },
    ...(sender !== undefined && { sender }),
    ...(resolved !== undefined && { resolved }),
  };
}

async function playQuestion(stage: "vrfy" | "expn", decide: typeof decideVrfy, session: Session, text: string, core: Core): Promise<Step> {
  const { result, trace } = await traced(core, (tracing) => decide(session, text, tracing));
  return { stage, input: text, ...shown(result.verdict), reply: answerOf(result), trace };
}

function answerOf({ verdict, addresses }: VrfyOutcome): string {
  if (verdict.kind !== "pass") return formatReply(verdict.reply);
  return addresses.map((address, index) => `250${index === addresses.length - 1 ? " " : "-"}${address}`).join("\r\n");
}

async function traced<T>(core: Core, decide: (core: Core) => T | Promise<T>): Promise<{ result: T; trace: readonly TraceEntry[] }> {
  const trace: TraceEntry[] = [];
  const result = await decide({ ...core, trace: (entry) => trace.push(entry) });
  return { result, trace };
}

function shown(verdict: Verdict): { reply: string | null; reason: Reason; disconnect: boolean; delayMs: number } {
  if (verdict.kind === "pass") return { reply: null, reason: verdict.reason, disconnect: false, delayMs: 0 };
  return {
    reply: formatReply(verdict.reply satisfies Reply),
    reason: verdict.reason,
    disconnect: verdict.kind === "disconnect",
    delayMs: verdict.delayMs,
  };
}
