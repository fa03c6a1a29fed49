/** `session.auth.must-match-sender` needs directories that know which addresses a login has. */
import type { Settings } from "../../stage/stage-settings.ts";
import type { Normalised } from "../normalise.ts";
import type { ProblemReport } from "./report.ts";

const withoutAccounts: ReadonlySet<string> = new Set(["mta", "smtp", "lmtp"]);

export function checkAccounts({ directory }: Normalised, { auth }: Settings, report: ProblemReport): void {
  const { constant } = auth.mustMatchSender;
  if (constant === 0) return;
  for (const [name, { type }] of Object.entries(directory)) {
    if (!withoutAccounts.has(type)) continue;
    const what = `needs to know the addresses of an account, which directory.${name} of type "${type}" does not`;
    const path = ["session", "auth", "must-match-sender"];
    if (constant !== undefined) {
      report.error(path, `${what}. Use a directory of another type, or leave this to the MTA (in Postfix smtpd_sender_login_maps).`);
    } else report.warning(path, `${what}: where the rules ask it mail is deferred. Make them false for its domains.`);
  }
}
