/** What is said of settings that the listeners of a configuration cannot carry out, or would carry out twice. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { formatProblem } from "../../src/config/check/report.ts";
import { parseConfiguration } from "../../src/config/load.ts";

const folder = join(import.meta.dirname, "config-warnings");

it.each(readdirSync(folder).filter((name) => name.endsWith(".toml")))("%s", async (name) => {
  const { configuration, problems } = parseConfiguration(readFileSync(join(folder, name), "utf8"), name, () => "");
  expect(configuration).toBeDefined();
  await expect(problems.map((problem) => `${formatProblem(problem)}\n`).join("")).toMatchFileSnapshot(join(folder, `${name}.expected`));
});

it("whoever serves nothing is not warned", () => {
  const text = "[session.rcpt]\nrewrite = \"rcpt + '.example'\"\n[session.extensions]\npipelining = false\n";
  expect(parseConfiguration(text, "postern.toml", () => "", { serves: false }).problems).toEqual([]);
});
