/** The configurations of contrib load, each without a word but for the warnings that stand here. */
import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { formatProblem } from "../../../src/config/check/report.ts";
import { renderConfiguration } from "../../../src/config/docs/print.ts";
import { parseConfiguration } from "../../../src/config/load.ts";

const contrib = join(import.meta.dirname, "../../../contrib");
const examples = globSync(
  "{attacks,container,dns-lists,examples,exim,opensmtpd,operating,postfix,senders,sendmail,sieve,systemd}/*.{toml,json}",
  {
    cwd: contrib,
  },
).sort();

/** What an administrator's machine has and a checkout has not. */
function readFile(path: string): string {
  if (path.startsWith(contrib)) return readFileSync(path, "utf8");
  return path.endsWith("/addresses") ? "john@example.org\n" : "# nothing yet\n";
}

it("are where they should be", () => expect(examples.length).toBeGreaterThanOrEqual(12));

it.each(examples)("%s", (name) => {
  const { configuration, problems } = parseConfiguration(readFileSync(join(contrib, name), "utf8"), join(contrib, name), readFile);
  const warnings = problems.map((problem) =>
    formatProblem({ ...problem, file: "" })
      .replace(/^:[\d:]+ /, "")
      .slice(0, 50),
  );
  expect(warnings).toEqual(expected[name] ?? []);
  if (configuration === undefined) throw new Error("not loaded");
  const printed = renderConfiguration(configuration);
  const again = parseConfiguration(printed, join(dirname(join(contrib, name)), "printed.toml"), readFile);
  expect(again.configuration && renderConfiguration(again.configuration)).toBe(printed);
});

const expected: Readonly<Record<string, readonly string[]>> = {
  "examples/rewriting.toml": [
    "warning: session.rcpt.sub-addressing: changes reci",
    "warning: session.rcpt.catch-all: changes recipient",
    "warning: session.rcpt.rewrite: changes recipients,",
  ],
  // Its map is asked for features alone.
  "sendmail/postern.toml": ["warning: listener.smtp.rewrite: changes recipients", "warning: listener.map.mode: does not cover the map"],
};
