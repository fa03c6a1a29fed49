/** The pieces of configuration in README.md and the pages of contrib load, each with what the page leaves to the reader. */
import { globSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { formatProblem } from "../../src/config/check/report.ts";
import { parseConfiguration } from "../../src/config/load.ts";
import { read } from "../support/contrib.ts";

const pages = globSync("{README.md,contrib/**/*.md}", { cwd: join(import.meta.dirname, "../..") }).sort();

/** Added where a piece has no table of that name. */
const rest: Readonly<Record<string, string>> = {
  "listener.smtp": 'protocol = "policy"\nbind = ["127.0.0.1:10040"]',
  "directory.accounts": 'type = "memory"\nprincipals = []',
  "store.pg": 'type = "postgresql"\nurl = "postgresql://postern@localhost/postern"',
  "dns-list.dnswl": 'zone = "list.dnswl.org"\nof = "client"\nlisted = ["127.0.0.2"]',
  "lookup.branch-offices": '"192.0.2.25" = true',
  "lookup.internal-lists": '"all@example.org" = true',
};

const pieces = pages.flatMap((page) => piecesOf(read(page)).map((piece, index) => [`${page}, ${index + 1}`, piece] as const));

function piecesOf(page: string): readonly string[] {
  const fenced = [...page.matchAll(/^```toml\n([\s\S]*?)^```/gm)].map(([, piece = ""]) => piece);
  const indented = [...page.matchAll(/(?<=\n\n)(?: {4}.*\n|\n(?= {4}))+/g)].map(([piece]) => piece.replaceAll(/^ {4}/gm, ""));
  // Units of systemd have names in capitals.
  return [...fenced, ...indented.filter((piece) => /^\s*(?:#.*\n\s*)*\[+[a-z]/.test(piece))];
}

test("there are many", () => expect(pieces.length).toBeGreaterThan(20));

test.each(pieces)("%s", (_, piece) => {
  const missing = Object.entries(rest).filter(([table]) => !piece.includes(`[${table}]\n`));
  const text = `${missing.map(([table, keys]) => `[${table}]\n${keys}\n`).join("")}${piece}`;
  const { problems } = parseConfiguration(text, "/etc/postern/postern.toml", (path) =>
    path.endsWith("-token") ? "0a".repeat(32) : "# nothing yet\n",
  );
  expect(problems.filter(({ severity }) => severity === "error").map(formatProblem)).toEqual([]);
});

test("a configuration that a page has copied takes the place of the one that the installation has started", () => {
  const copied = pages.filter((page) => /Copy .*`\/etc\/postern\//.test(read(page)));
  expect(copied.length).toBeGreaterThan(5);
  for (const page of copied) expect(read(page), page).toMatch(/^ +systemctl restart postern\b/m);
});
