/** What is said of settings that the listeners of a configuration cannot carry out, or would carry out twice. */
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { expect, it } from "vitest";
import { formatProblem } from "../../src/config/check/report.ts";
import { parseConfiguration } from "../../src/config/load.ts";

const folder = join(import.meta.dirname, "config-warnings");

const virtual = `info@hosted.example  mia
@hosted.example      root, ann@elsewhere.example
*@example.org        ann@elsewhere.example
.example.net         x
john@*.example.org   ann@elsewhere.example
good@hosted.example  Ann Example <ann@elsewhere.example>
`;
/** Domains have lines of their own here, or a catch-all; gmail.com has neither. */
const foreignVirtual = `example.org      anything
john@example.org john
@example.net     john@example.org
info@example.net john
boss@gmail.com   boss@example.org
sales@gmail.com  john
`;
const files: ReadonlyMap<string, string> = new Map([
  ["virtual", virtual],
  ["foreign-virtual", foreignVirtual],
  ["clients", "# names\n*.airline.example\njohn@example.org\nmx*.example\ncaf\ufffd.example # in Latin-1\n"],
  ["recipients", "*@example.org\n192.0.2.1\n"],
  ["list", `# caf\ufffd\n${"caf\ufffd.example\n".repeat(9)}good.example\n192.0.2.0/24 blocked\n2001:db8::/32\n`],
]);
const readFile = (path: string) => files.get(basename(path)) ?? "";

it.each(readdirSync(folder).filter((name) => name.endsWith(".toml")))("%s", async (name) => {
  const { configuration, problems } = parseConfiguration(readFileSync(join(folder, name), "utf8"), name, readFile);
  expect(configuration).toBeDefined();
  await expect(problems.map((problem) => `${formatProblem(problem)}\n`.replaceAll(`${process.cwd()}/`, "")).join("")).toMatchFileSnapshot(
    join(folder, `${name}.expected`),
  );
});

it("whoever serves nothing is not warned", () => {
  const text = "[session.rcpt]\nrewrite = \"rcpt + '.example'\"\n[session.extensions]\npipelining = false\n";
  expect(parseConfiguration(text, "postern.toml", () => "", { serves: false }).problems).toEqual([]);
});
