/** `[session.rcpt.greylist]`, with the lists of whom it exempts. */
import type { LineProblem } from "../../file/file-problem.ts";
import { parseExemptClients } from "../../lookup/exempt-clients.ts";
import { parseExemptRecipients } from "../../lookup/exempt-recipients.ts";
import type { ExemptionSettings } from "../../lookup/exemptions.ts";
import type { GreylistSettings, Rule } from "../../stage/stage-settings.ts";
import type { Normalised } from "../normalise.ts";
import { exemptFile, filePrefix } from "../schema/greylist.ts";
import type { KeyPath } from "../syntax/tree.ts";
import { type CompileContext, checkLines } from "./context.ts";

const path: KeyPath = ["session", "rcpt", "greylist"];

/** `enable` compiled. */
export function compileGreylist({ server, session }: Normalised, enable: Rule, { report }: CompileContext): GreylistSettings {
  const { greylist } = session.rcpt;
  const delays = session.rcpt.mode === "enforce" && greylist.mode === "enforce";
  const { delay, "retry-window": retryWindow } = greylist;
  if (delay.value >= retryWindow.value) {
    report.error([...path, "delay"], `must be less than retry-window, ${retryWindow.written}: no retry would ever pass. Change one.`);
  }
  return {
    mode: greylist.mode,
    enable,
    delayMs: delay.value,
    retryWindowMs: retryWindow.value,
    lifetimeMs: greylist.lifetime.value,
    key: new Set(greylist.key),
    client: greylist.client,
    ipv4Prefix: greylist["ipv4-prefix"],
    ipv6Prefix: greylist["ipv6-prefix"],
    autoWhitelist: greylist["auto-whitelist"],
    maxWaiting: greylist["max-waiting"],
    correspondentsMs: greylist.correspondents?.value,
    foldSenders: greylist["fold-senders"],
    headerHost: greylist.header && delays ? server.hostname : undefined,
    training: greylist.training,
    onStoreFailure: greylist["on-store-failure"],
  };
}

export function compileExemptions({ session }: Normalised, context: CompileContext): ExemptionSettings {
  const { "exempt-clients": clients, "exempt-recipients": recipients } = session.rcpt.greylist;
  return {
    clients: listOf(clients, [...path, "exempt-clients"], parseExemptClients, context),
    recipients: listOf(recipients, [...path, "exempt-recipients"], parseExemptRecipients, context),
  };
}

/** And no `/pattern/`. */
function isPath(entry: string): boolean {
  return /^\/.*[^/]$/.test(entry);
}

type Parse = (text: string, problem: LineProblem) => unknown;

function listOf(written: readonly string[], path: KeyPath, parse: Parse, context: CompileContext): ExemptionSettings["clients"] {
  const entries: string[] = [];
  const files: string[] = [];
  for (const [index, entry] of written.entries()) {
    const at: KeyPath = [...path, index];
    const file = exemptFile(entry);
    if (file === undefined) {
      // Nobody writes an entry here that is to match nothing.
      parse(
        entry,
        (_, what) => void context.report.error(at, isPath(entry) ? `is the path of a file. Write "${filePrefix}${entry}".` : what),
      );
      entries.push(entry);
    } else {
      files.push(file);
      checkLines(at, file, parse, context);
    }
  }
  return { entries, files };
}
