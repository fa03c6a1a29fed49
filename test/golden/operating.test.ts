/** The pages of contrib/operating say what is true of the program: its reasons, commands, links. */
import { existsSync, globSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Command } from "commander";
import { expect, test } from "vitest";
import { checkCommand } from "../../src/cli/check.ts";
import { explainCommand } from "../../src/cli/explain.ts";
import { greylistCommand } from "../../src/cli/greylist.ts";
import { queryCommand } from "../../src/cli/query.ts";
import { sieveCommand } from "../../src/cli/sieve.ts";
import { throttleCommand } from "../../src/cli/throttle.ts";
import { formatProblem } from "../../src/config/check/report.ts";
import { parseConfiguration } from "../../src/config/load.ts";
import { read } from "../support/contrib.ts";

const root = join(import.meta.dirname, "../..");
const pages = globSync("contrib/operating/*.md", { cwd: root }).sort();

test("each reason has its line in reasons.md", () => {
  const [, union = ""] = /export type Reason =([^;]+);/.exec(read("src/stage/verdict.ts")) ?? [];
  const reasons = [...union.matchAll(/"([^"]+)"/g)].map(([, reason]) => reason);
  const rows = read("contrib/operating/reasons.md").match(/^\| `.*?\|/gm) ?? [];
  const explained = rows.flatMap((row) => [...row.matchAll(/`([^`]+)`/g)].map(([, reason]) => reason));
  expect(explained.sort()).toEqual(reasons.sort());
});

test("each event that is more than news has its line in upkeep.md", () => {
  const kinds = [...read("src/frontend/notice.ts").matchAll(/readonly kind: "([^"]+)"/g)].map(([, kind]) => kind);
  const sources = globSync("src/**/*.ts", { cwd: root });
  const logged = sources.flatMap((file) => [...read(file).matchAll(/\bevent: "([^"]+)"/g)].map(([, event]) => event));
  // The end of what has a line, and what is no more than news.
  const others = ["connections-free", "summary", "decision", "lookup", "stop"];
  const rows = read("contrib/operating/upkeep.md").match(/^\| `.*?\|/gm) ?? [];
  const explained = rows.flatMap((row) => [...row.matchAll(/`([^`]+)`/g)].map(([, event]) => event));
  expect([...kinds, ...logged].filter((event) => ![...explained, ...others].includes(event))).toEqual([]);
  expect(logged).toContain("files-used-up");
});

const commands = [checkCommand(), explainCommand(), greylistCommand(), queryCommand(), sieveCommand(), throttleCommand()];

function find(words: readonly string[], among: readonly Command[]): Command | undefined {
  const found = among.find((command) => command.name() === words[0]);
  return found && found.commands.length > 0 ? find(words.slice(1), found.commands) : found;
}

test.each(pages)("%s: its commands are those of the program", (page) => {
  for (const [line, words = ""] of read(page).matchAll(/(?:^ {4}|`)postern ([a-z][^`\n]*)/gm)) {
    const command = find(words.split(" "), commands);
    expect(command, line).toBeDefined();
    const options = words.match(/ -[-a-z]+/g) ?? [];
    for (const option of options) expect(command?.helpInformation(), line).toContain(option);
  }
});

const anchorOf = (heading: string) =>
  heading
    .toLowerCase()
    .replace(/[^a-z0-9 -]/g, "")
    .replaceAll(" ", "-");

test.each(pages)("%s: its links lead somewhere", (page) => {
  for (const [, path = "", anchor] of read(page).matchAll(/\]\(([^)#]*)(?:#([^)]+))?\)/g)) {
    const target = path === "" ? page : join(dirname(page), path);
    expect(existsSync(join(root, target)), target).toBe(true);
    if (anchor === undefined) continue;
    const headings = [...read(target).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => anchorOf(heading));
    expect(headings, `${page} → ${target}`).toContain(anchor);
  }
});

const pieces = [...read("contrib/operating/coming-from.md").matchAll(/^## (.*)\n(?:(?!^## )[\s\S])*?^```toml\n([\s\S]*?)^```/gm)];

test("each piece for who comes from other software", () => expect(pieces.length).toBe(7));

test.each(pieces.map(([, name = "", text = ""]) => [name, text]))("%s: the piece loads without a word", (_, text) => {
  const asked = '[listener.smtp]\nprotocol = "policy"\nbind = ["127.0.0.1:10040"]\n[directory.people]\ntype = "memory"\nprincipals = []\n';
  const { problems } = parseConfiguration(`${asked}${text}`, "/etc/postern/postern.toml", () => "# nothing yet\n");
  expect(problems.map(formatProblem)).toEqual([]);
});
