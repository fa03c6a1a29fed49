/** `postern opensmtpd-filter`: speaks OpenSMTPD's filter protocol on standard input and output. */
import type { NetConnectOpts } from "node:net";
import { Command, InvalidArgumentError, Option } from "commander";
import { parseListenAddress } from "../config/schema/values.ts";
import { OpenSmtpdFilter } from "../frontend/opensmtpd/opensmtpd-filter.ts";
import { PolicyConnections } from "../frontend/opensmtpd/policy-connections.ts";
import { hasControls } from "../text/controls.ts";
import type { FilterDecision } from "../wire/opensmtpd.ts";
import { ProtocolError } from "../wire/protocol-error.ts";
import { helpText } from "./help-text.ts";

export function openSmtpdFilterCommand(): Command {
  return new Command("opensmtpd-filter")
    .argument(
      "<listener>",
      'the address of a listener with protocol = "policy": 127.0.0.1:10040 or unix:/run/postern/policy.sock',
      listenerOf,
    )
    .addOption(
      new Option("--default-action <action>", "of MAIL and RCPT when the listener cannot be asked: a 4yz reply, or DUNNO to let all pass")
        .default({ kind: "reject", reply: awayReply } satisfies FilterDecision, JSON.stringify(awayReply))
        .argParser(actionOf),
    )
    .addHelpText(
      "after",
      helpText(`
In smtpd.conf:

  filter postern proc-exec "/usr/bin/postern opensmtpd-filter 127.0.0.1:10040"
  listen on eth0 filter postern

What it has to say goes to the log of OpenSMTPD, which runs it for as long as itself.`),
    )
    .action((listener: NetConnectOpts, { defaultAction }: { readonly defaultAction: FilterDecision }) => run(listener, defaultAction));
}

const awayReply = "451 4.3.5 Please try again later.";

function listenerOf(text: string): NetConnectOpts {
  const address = parseListenAddress(text);
  if (typeof address === "string") throw new InvalidArgumentError(address);
  return address.kind === "unix" ? { path: address.path } : { host: address.host, port: address.port };
}

const maxReplyOctets = 400;

/** "Cannot tell" is never "no", so it cannot be a 5yz reply. */
function actionOf(text: string): FilterDecision {
  if (text.toUpperCase() === "DUNNO") return { kind: "proceed" };
  if (/^4\d\d \S/.test(text) && !hasControls(text) && Buffer.byteLength(text) <= maxReplyOctets) return { kind: "reject", reply: text };
  throw new InvalidArgumentError(`Write DUNNO, or a reply such as "${awayReply}".`);
}

function run(listener: NetConnectOpts, whenAway: FilterDecision): void {
  const connections = new PolicyConnections(listener);
  const filter = new OpenSmtpdFilter({
    ask: (request) => connections.ask(request),
    send: (lines) => process.stdout.write(lines),
    log: (line) => process.stderr.write(`${line}\n`),
    whenAway,
  });
  process.stdin.on("data", (portion: Buffer) => {
    try {
      filter.push(portion);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      process.stderr.write(`${error.message}\n`);
      process.exit(1);
    }
  });
  // OpenSMTPD has ended.
  process.stdin.on("end", () => process.exit());
}
