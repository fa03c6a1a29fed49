/** What a configuration asks about clients and senders, by its settings, and by rules and scripts that name it. */
import { type AuthCheck, checksFor } from "../../stage/sender-auth.ts";
import type { Settings } from "../../stage/stage-settings.ts";
import type { UsedNames } from "./names.ts";

/** Whether anything needs the SPF of a client. */
export function asksSpf(settings: Settings, used: UsedNames): boolean {
  const { spfEhlo, spfMail } = settings.senderAuth;
  return spfEhlo !== undefined || spfMail !== undefined || checksOf(settings, used).some((check) => check !== "iprev");
}

/** Whether anything needs the DNS itself: a check of senders, or a rule or script that queries it or names one of its lists. */
export function asksDns(settings: Settings, used: UsedNames): boolean {
  const { spfEhlo, spfMail, iprev } = settings.senderAuth;
  const isVerified = spfEhlo !== undefined || spfMail !== undefined || iprev !== undefined;
  return isVerified || used.asksDns || used.dnsLists.size > 0 || checksOf(settings, used).length > 0;
}

function checksOf({ sieve }: Settings, used: UsedNames): readonly AuthCheck[] {
  const named = [used.variables, ...[...sieve.scripts.values()].map(({ reads }) => reads)];
  return named.flatMap((names) => checksFor(names) ?? []);
}
