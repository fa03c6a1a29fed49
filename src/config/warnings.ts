/** What the listeners cannot do of what the settings say. */
import type { Build } from "./build.ts";
import type { Path } from "./tree.ts";

const mend =
  "changes recipients, which the policy protocol cannot: a recipient passes by what it becomes, and is delivered as given. " +
  "Have the MTA make the same change, in Postfix by virtual_alias_maps.";

export function warnOfPolicy({ document, report }: Build): void {
  if (!Object.values(document.listener).some(({ protocol }) => protocol === "policy")) return;
  const { mail, rcpt } = document.session;
  if (mail.rewrite !== false) {
    const message = "changes the sender, which the policy protocol cannot: rules see the changed one, the message keeps the given one.";
    report.warning(["session", "mail", "rewrite"], `${message} Have the MTA make the same change, in Postfix by sender_canonical_maps.`);
  }
  const changes: readonly (readonly [Path, boolean])[] = [
    [["session", "rcpt", "rewrite"], rcpt.rewrite !== false],
    [["session", "rcpt", "sub-addressing"], Array.isArray(rcpt["sub-addressing"])],
    [["session", "rcpt", "catch-all"], Array.isArray(rcpt["catch-all"])],
    [["session", "rcpt", "aliases"], rcpt.aliases === "primary"],
    ...document.domain.flatMap((domain, index): readonly (readonly [Path, boolean])[] => [
      [["domain", index, "sub-addressing"], Array.isArray(domain["sub-addressing"])],
      [["domain", index, "catch-all-address"], domain["catch-all-address"] !== undefined],
    ]),
  ];
  for (const [path, isChange] of changes) if (isChange) report.warning(path, mend);
}
