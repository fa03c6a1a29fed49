/** Plays one SMTP session, as `explain` shows it: each command, its reply, and the trace of what was asked for it. */
import { z } from "zod";
import type { Answer } from "../../answer/answer.ts";
import { parseAddress } from "../../mail/address.ts";
import { canonicalIp } from "../../mail/ip.ts";
import { writtenMailbox } from "../../mail/path.ts";
import { serverPort } from "../../mail/port.ts";
import { formatReply } from "../../mail/reply.ts";
import type { Core, Mode, TraceEntry } from "../../stage/core.ts";
import type { Peer } from "../../stage/session.ts";
import { isShadowed } from "../../stage/shadow.ts";
import type { Terms } from "../../stage/smtp-command.ts";
import { SmtpSession } from "../../stage/smtp-session.ts";
import type { StageName, StageResult } from "../../stage/stage-result.ts";
import type { Reason, Verdict } from "../../stage/verdict.ts";

const nameOrAddress = z.union([z.string(), z.strictObject({ address: z.string(), args: z.array(z.string()).readonly().optional() })]);

/** What the client says, in the order of an SMTP session. */
export const playedSession = z.strictObject({
  client: z.strictObject({ address: z.string().optional(), name: z.string().optional(), port: z.int().min(0).max(65_535).optional() }),
  server: z.strictObject({ address: z.string().optional(), port: z.int().min(0).max(65_535).optional() }).optional(),
  listener: z.string().optional(),
  helo: z.string().optional(),
  auth: z.string().optional(),
  tls: z.boolean().optional(),
  /** The client's certificate. */
  ccert: z.strictObject({ subject: z.string().optional(), issuer: z.string().optional(), fingerprint: z.string().optional() }).optional(),
  /** Left out: no MAIL. `""` is the null sender. */
  sender: z.string().optional(),
  mailArgs: z.array(z.string()).readonly().optional(),
  recipients: z.array(nameOrAddress).readonly().optional(),
  vrfy: z.string().optional(),
  expn: z.string().optional(),
});

export type PlayedSession = z.infer<typeof playedSession>;

/** The listener that is asked. */
export interface PlayedListener {
  readonly name: string;
  readonly protocol: string;
  readonly localPort: number | undefined;
  readonly mode: Mode;
  readonly rewrite: boolean;
  readonly trustedNetworks: { contains(address: string): boolean };
}

export interface Step {
  readonly stage: StageName;
  readonly input: string;
  /** `null`: a pass. */
  readonly reply: string | null;
  readonly reason: Reason;
  readonly disconnect: boolean;
  readonly delayMs: number;
  /** In shadow mode: the verdict that is not carried out, and its reply. */
  readonly would?: Exclude<Verdict["kind"], "pass">;
  readonly wouldReply?: string;
  /** After a MAIL that passed: the sender, rewritten. After a RCPT whose script changed it: what it is from now on. */
  readonly sender?: string;
  /** After a RCPT that passed and is no duplicate: where it goes. */
  readonly resolved?: readonly string[];
  readonly trace: readonly TraceEntry[];
}

/** A disconnect ends it; after any other refusal the client goes on. */
export async function play(played: PlayedSession, listener: PlayedListener, core: Core): Promise<readonly Step[]> {
  const smtp = new SmtpSession(peerOf(played, listener));
  const tls = played.tls ?? false;
  const { subject = "", issuer = "", fingerprint = "" } = played.ccert ?? {};
  smtp.update({ tls, tlsVersion: "", tlsCipher: "", login: played.auth ?? "", certificate: { subject, issuer, fingerprint } });
  const terms: Terms = {
    core,
    isShadow: listener.mode === "shadow",
    enforcesExtensions: true,
    mergesRecipients: listener.protocol !== "policy" && listener.rewrite && listener.mode === "enforce",
  };
  const steps: Step[] = [];
  for (const { input, ask } of commandsOf(played, smtp, core)) {
    const trace: TraceEntry[] = [];
    const result = await ask({ ...terms, core: { ...core, trace: (entry) => trace.push(entry) } });
    steps.push({ stage: result.stage, input, ...shown(result, terms), trace });
    if (steps.at(-1)?.disconnect) break;
  }
  return steps;
}

interface PlayedCommand {
  readonly input: string;
  readonly ask: (terms: Terms) => Answer<StageResult>;
}

function* commandsOf(played: PlayedSession, smtp: SmtpSession, core: Core): Generator<PlayedCommand> {
  const { client, helo, mailArgs = [], recipients = [], vrfy, expn } = played;
  const sender = played.sender === undefined ? undefined : writtenMailbox(played.sender);
  const message = "";
  if (core.settings.throttles.connect.length > 0) yield { input: client.address ?? "", ask: (terms) => smtp.connect(undefined, terms) };
  if (helo !== undefined) yield { input: helo, ask: (terms) => smtp.ehlo(helo, message, terms) };
  if (sender !== undefined)
    yield { input: sender, ask: (terms) => smtp.mail({ sender: parseAddress(sender), parameters: mailArgs, message }, terms) };
  for (const each of recipients) {
    const { address: written, args = [] } = typeof each === "string" ? { address: each } : each;
    const address = writtenMailbox(written);
    yield { input: address, ask: (terms) => smtp.rcpt({ recipient: parseAddress(address), parameters: args, message }, terms) };
  }
  if (vrfy !== undefined) yield { input: vrfy, ask: (terms) => smtp.vrfy(writtenMailbox(vrfy), terms) };
  if (expn !== undefined) yield { input: expn, ask: (terms) => smtp.expn(writtenMailbox(expn), terms) };
}

function peerOf({ client, server }: PlayedSession, listener: PlayedListener): Peer {
  const address = client.address === undefined ? undefined : canonicalIp(client.address);
  return {
    listener: listener.name,
    client: { address, name: client.name ?? "", port: client.port ?? 0 },
    server: { address: canonicalIp(server?.address ?? "") ?? "", port: serverPort(listener.localPort, server?.port ?? 0) },
    trusted: address !== undefined && listener.trustedNetworks.contains(address),
  };
}

function shown(result: StageResult, terms: Terms): Omit<Step, "stage" | "input" | "trace"> {
  const { stage, verdict, would, sender, resolved, addresses } = result;
  const [first = verdict] = would ?? [];
  const { reason } = verdict.kind === "pass" ? first : verdict;
  if (verdict.kind !== "pass") {
    const reply = formatReply(verdict.reply);
    const isEnd = verdict.kind === "disconnect";
    if (isShadowed(result, terms)) return { reply: null, reason, disconnect: false, delayMs: 0, would: verdict.kind, wouldReply: reply };
    return { reply, reason, disconnect: isEnd, delayMs: verdict.delayMs };
  }
  return {
    ...(first.kind !== "pass" && { would: first.kind, wouldReply: formatReply(first.reply) }),
    ...{ reply: addresses === undefined ? null : lines(addresses), reason, disconnect: false, delayMs: 0 },
    ...(sender !== undefined && { sender }),
    ...(stage === "rcpt" && reason !== "duplicate" && { resolved }),
  };
}

/** The lines of a 250. */
function lines(addresses: readonly string[]): string {
  return addresses.map((address, index) => `250${index === addresses.length - 1 ? " " : "-"}${address}`).join("\r\n");
}
