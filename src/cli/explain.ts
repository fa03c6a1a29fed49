/** `postern explain`: plays one SMTP session, or one policy request, and says what each step decided, and why. */
import { text } from "node:stream/consumers";
import { Command, InvalidArgumentError } from "commander";
import { z } from "zod";
import type { Configuration, ListenerSettings } from "../config/configuration.ts";
import { countedApart } from "../daemon/read-only-state.ts";
import type { Decision } from "../frontend/decision.ts";
import { type PlayedSession, play, playedSession, type Step } from "../frontend/explain/play.ts";
import { answerPolicy } from "../frontend/policy/policy.ts";
import { canonicalIp } from "../mail/ip.ts";
import type { Core, TraceEntry } from "../stage/core.ts";
import { cleanText } from "../text/controls.ts";
import { PolicyDecoder } from "../wire/policy.ts";
import { ProtocolError } from "../wire/protocol-error.ts";
import { type ConfigurationOptions, configurationOption, loadOrExplain, stateDirectoryOption, withCore } from "./configuration-option.ts";
import { helpText } from "./help-text.ts";
import { linesOf } from "./lines.ts";

interface ExplainOptions extends ConfigurationOptions {
  readonly client?: string;
  readonly clientName?: string;
  readonly clientPort?: number;
  readonly serverPort?: number;
  readonly helo?: string;
  readonly from?: string;
  readonly to: readonly string[];
  readonly auth?: string;
  readonly tls?: boolean;
  readonly ccertSubject?: string;
  readonly ccertIssuer?: string;
  readonly ccertFingerprint?: string;
  readonly listener?: string;
  readonly mailArg: readonly string[];
  readonly vrfy?: string;
  readonly expn?: string;
  readonly json?: boolean;
  readonly policy?: boolean;
  readonly stdin?: boolean;
}

const collect = (value: string, previous: readonly string[]) => [...previous, value];

function portNumber(value: string): number {
  const port = Number(value);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new InvalidArgumentError("Give a number from 0 to 65535.");
  return port;
}

class UsageError extends Error {}

export function explainCommand(): Command {
  return new Command("explain")
    .addOption(configurationOption())
    .addOption(stateDirectoryOption())
    .option("--client <ip>", "address of the client (default: unknown)")
    .option("--client-name <name>", "its forward-confirmed name")
    .option("--client-port <port>", "its port", portNumber)
    .option("--server-port <port>", "port of the MTA, unless the listener has local-port (default: 25)", portNumber)
    .option("--helo <name>", "name given with EHLO; left out: no EHLO")
    .option("--from <address>", 'sender; "" is the null sender; left out: no MAIL')
    .option("--to <address>", "recipient; may be repeated", collect, [])
    .option("--auth <user>", "login name")
    .option("--tls", "the session is encrypted")
    .option("--ccert-subject <name>", "name in the client's TLS certificate, which the MTA trusts")
    .option("--ccert-issuer <name>", "name of its issuer")
    .option("--ccert-fingerprint <hex>", "its fingerprint, as Postfix writes it")
    .option("--listener <name>", "which listener is asked (default: the first)")
    .option("--mail-arg <parameter>", "ESMTP parameter of MAIL, such as SIZE=1000; may be repeated", collect, [])
    .option("--vrfy <text>", "also VRFY")
    .option("--expn <address>", "also EXPN")
    .option("--json", "one JSON object instead of text")
    .option("--policy", "read one policy request from standard input instead")
    .option("--stdin", "read one session a line, as JSON, from standard input; answers are JSON")
    .addHelpText(
      "after",
      helpText(`
Examples:
  postern explain --client 203.0.113.9 --helo mx.example.net --from a@b.example --to john@example.org
  postern explain --client 203.0.113.9 --helo mx.example.net --from "" --to x@example.org --to y@example.org --json
  echo '{"client":{"address":"203.0.113.9"},"sender":"","recipients":["a@b"]}' |
      postern explain --stdin

Where the listener is in shadow mode, each step that would be refused says so, and the session goes on.
Replies are those of the stages; Postfix puts a prefix of its own before the text of a policy reply.
Exit status: 0 played, 1 the configuration has errors, 2 invalid input.`),
    )
    .action(async (options: ExplainOptions) => {
      const configuration = loadOrExplain(options);
      if (configuration === undefined) {
        process.exitCode = 1;
        return;
      }
      try {
        await withCore(configuration, true, ({ core }) => {
          if (options.stdin) return explainLines(configuration, core, options.listener);
          if (options.policy) return explainRequest(configuration, core, options);
          return explainOne(configuration, core, options);
        });
      } catch (error) {
        if (!(error instanceof UsageError)) throw error;
        process.stderr.write(`${error.message}\n`);
        process.exitCode = 2;
      }
    });
}

async function explainOne(configuration: Configuration, core: Core, options: ExplainOptions): Promise<void> {
  const { client, clientName, clientPort, serverPort, helo, from, to, auth, tls, mailArg, vrfy, expn } = options;
  const script: PlayedSession = {
    client: { address: checkedAddress(client), name: clientName, port: clientPort },
    server: { port: serverPort },
    helo,
    auth,
    tls,
    ccert: { subject: options.ccertSubject, issuer: options.ccertIssuer, fingerprint: options.ccertFingerprint },
    sender: from,
    mailArgs: mailArg,
    recipients: to,
    vrfy,
    expn,
  };
  const steps = await play(script, listenerOf(configuration, options.listener), core);
  process.stdout.write(options.json ? `${JSON.stringify({ steps })}\n` : steps.map(described).join("\n"));
}

/** An invalid line is answered by `{"error": …}`, and the next one is played all the same. */
async function explainLines(configuration: Configuration, core: Core, listener: string | undefined): Promise<void> {
  for await (const line of linesOf(process.stdin)) {
    process.stdout.write(`${JSON.stringify(await explainLine(line, configuration, core, listener))}\n`);
  }
}

async function explainLine(line: string, configuration: Configuration, core: Core, listener: string | undefined): Promise<object> {
  try {
    const script = playedSession.parse(JSON.parse(line));
    checkedAddress(script.client.address);
    return { steps: await play(script, listenerOf(configuration, script.listener ?? listener), countedApart(core)) };
  } catch (error) {
    if (!(error instanceof UsageError || error instanceof SyntaxError || error instanceof z.ZodError)) throw error;
    process.exitCode = 2;
    return { error: { message: error instanceof z.ZodError ? z.prettifyError(error) : error.message } };
  }
}

async function explainRequest(configuration: Configuration, core: Core, { json, listener: name }: ExplainOptions): Promise<void> {
  const listener = listenerOf(configuration, name);
  const trace: TraceEntry[] = [];
  const decisions: Decision[] = [];
  const decide = answerPolicy({
    listener: listener.name,
    core: () => ({ ...core, trace: (entry) => trace.push(entry) }),
    mode: () => listener.mode,
    isTrusted: listener.trustedNetworks.contains,
    localPort: () => listener.localPort,
    onDecision: (decision) => decisions.push(decision),
    onNotice: () => {},
  });
  const { text: reply, delayMs } = await decide(await readRequest());
  const action = reply.trimEnd();
  if (json) {
    process.stdout.write(`${JSON.stringify({ action: action.replace(/^action=/, ""), delayMs, decisions, trace })}\n`);
    return;
  }
  const lines = decisions.map(
    ({ stage, verdict, would, reason }) => `${stage}: ${would === undefined ? verdict : `would ${would}`} (${reason})`,
  );
  process.stdout.write([...trace.map(traceLine), ...lines, action, ""].join("\n"));
}

async function readRequest() {
  const decoder = new PolicyDecoder();
  try {
    // The empty line that ends a request is easily forgotten by hand.
    decoder.push(Buffer.from(`${(await text(process.stdin)).trimEnd()}\n\n`));
    const request = decoder.next();
    if (request !== undefined) return request;
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    throw new UsageError(`not a policy request: ${error.message}`);
  }
  throw new UsageError("no policy request on standard input: give name=value lines, then an empty line");
}

function listenerOf({ listeners }: Configuration, name: string | undefined): ListenerSettings {
  const listener = name === undefined ? listeners[0] : listeners.find((one) => one.name === name);
  if (listener !== undefined) return listener;
  throw new UsageError(`there is no listener "${name ?? ""}"; there are: ${listeners.map((one) => one.name).join(", ") || "none"}`);
}

function checkedAddress(address: string | undefined): string | undefined {
  if (address === undefined || address === "unknown" || canonicalIp(address) !== undefined) return address;
  throw new UsageError(`"${address}" is not an IP address`);
}

function described({ stage, input, sender, resolved, trace, ...step }: Step): string {
  const lines = [`${stage.toUpperCase()} ${input === "" ? "<>" : input}`, ...trace.map(traceLine)];
  if (sender !== undefined && sender !== input) lines.push(`  sender: ${sender === "" ? "<>" : sender}`);
  if (resolved !== undefined) lines.push(`  goes to: ${resolved.join(", ")}`);
  if (step.delayMs > 0) lines.push(`  after ${step.delayMs / 1000} s`);
  lines.push(`  → ${outcomeOf(step)}`, "");
  return lines.join("\n");
}

function outcomeOf({ reply, reason, disconnect, wouldReply }: Pick<Step, "reply" | "reason" | "disconnect" | "wouldReply">): string {
  if (wouldReply !== undefined) return `accepted in shadow mode; would be: ${wouldReply} (${reason})`;
  if (reply === null) return reason === "pass" ? "accepted" : `accepted (${reason})`;
  return `${reply.replaceAll("\r\n", "\n    ")} (${reason})${disconnect ? ", and the session ends" : ""}`;
}

function traceLine({ step, asked, answer, said }: TraceEntry): string {
  return `  ${step}: ${cleanText(asked)}: ${cleanText(answer)}${said === undefined ? "" : ` (${cleanText(said)})`}`;
}
