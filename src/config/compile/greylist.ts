/** `[session.rcpt.greylist]`, with the lists of whom it exempts. */
import { parseExemptClients } from "../../lookup/exempt-clients.ts";
import { parseExemptRecipients } from "../../lookup/exempt-recipients.ts";
import type { ExemptionSettings } from "../../lookup/exemptions.ts";
import type { GreylistSettings, Rule } from "../../stage/stage-settings.ts";
import type { Document } from "../schema/schema.ts";
import { durationMs } from "../schema/values.ts";
import type { Path } from "../syntax/tree.ts";
import { absolute, type Build, textOf } from "./context.ts";

const path: Path = ["session", "rcpt", "greylist"];

/** `enable` compiled. */
export function buildGreylist({ document, report }: Build, enable: Rule): GreylistSettings {
  const { greylist } = document.session.rcpt;
  const delayMs = durationMs(greylist.delay) ?? 0;
  const retryWindowMs = durationMs(greylist["retry-window"]) ?? 0;
  if (delayMs >= retryWindowMs) {
    report.error([...path, "delay"], `must be less than retry-window, ${greylist["retry-window"]}: no retry would ever pass. Change one.`);
  }
  return {
    enable,
    delayMs,
    retryWindowMs,
    lifetimeMs: durationMs(greylist.lifetime) ?? 0,
    key: new Set(greylist.key),
    client: greylist.client,
    ipv4Prefix: greylist["ipv4-prefix"],
    ipv6Prefix: greylist["ipv6-prefix"],
    autoWhitelist: greylist["auto-whitelist"],
    foldSenders: greylist["fold-senders"],
    headerHost: greylist.header ? document.server.hostname : undefined,
    training: greylist.training,
    onStoreFailure: greylist["on-store-failure"],
  };
}

export function buildExemptions(build: Build): ExemptionSettings {
  return {
    clients: listOf("exempt-clients", parseExemptClients, build),
    recipients: listOf("exempt-recipients", parseExemptRecipients, build),
  };
}

type ListKey = keyof Document["session"]["rcpt"]["greylist"] & `exempt-${string}`;
type Parse = (text: string, problem: (line: number, what: string) => void) => unknown;

const prefix = "file:";

function listOf(key: ListKey, parse: Parse, build: Build): ExemptionSettings["clients"] {
  const { greylist } = build.document.session.rcpt;
  const entries: string[] = [];
  const files: string[] = [];
  for (const [index, text] of greylist[key].entries()) {
    const at: Path = [...path, key, index];
    if (!text.startsWith(prefix)) {
      parse(text, (_, what) => build.report.error(at, what));
      entries.push(text);
      continue;
    }
    const file = absolute(build, text.slice(prefix.length));
    greylist[key][index] = `${prefix}${file}`;
    files.push(file);
    const content = textOf(build, at, file);
    if (content !== undefined) parse(content, (line, what) => build.report.error(at, `${file}:${line}: ${what}`));
  }
  return { entries, files };
}
