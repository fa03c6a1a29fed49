/** Whether anything needs the SPF of a client: `[auth.spf.verify]`, or a rule or script that names a result. */
import { checksFor } from "../../stage/sender-auth.ts";
import type { Settings } from "../../stage/stage-settings.ts";
import type { UsedNames } from "./names.ts";

export function asksSpf({ senderAuth, sieve }: Settings, used: UsedNames): boolean {
  const named = [used.variables, ...[...sieve.scripts.values()].map(({ reads }) => reads)];
  const asked = named.flatMap((names) => checksFor(names) ?? []);
  return senderAuth.spfEhlo !== undefined || senderAuth.spfMail !== undefined || asked.some((check) => check !== "iprev");
}
