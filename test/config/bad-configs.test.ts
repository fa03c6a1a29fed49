/** The messages that administrators see for what they get wrong: each bad configuration beside all that is said of it. */
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseConfiguration } from "../../src/config/load.ts";
import { formatProblem } from "../../src/config/problem.ts";

const folder = join(import.meta.dirname, "../bad-configs");
const files = readdirSync(folder);
const configurations = files.filter((name) => /\.(toml|json)$/.test(name));

/** Of the world there are an empty file, a script, and one that is no table, beside the configuration. */
function readFile(path: string): string {
  if (path === "/etc/postern/empty") return "";
  if (path === "/etc/postern/bad.sieve") return "if true {\n  reject 5;\n}\n";
  if (path === "/etc/postern/odd")
    return "john@example.org john\n/regular/ x@example.org\njane@example.org: jane@elsewhere.example\nx@example.org\n";
  throw Object.assign(new Error(`no ${path}`), { code: "ENOENT" });
}

describe("a bad configuration", () => {
  it.each(configurations)("%s", async (name) => {
    const { configuration, problems } = parseConfiguration(readFileSync(join(folder, name), "utf8"), `/etc/postern/${name}`, readFile);
    const text = problems.map((problem) => `${formatProblem({ ...problem, file: basename(problem.file) })}\n`).join("");
    await expect(text).toMatchFileSnapshot(join(folder, `${name}.expected`));
    expect(configuration).toBeUndefined();
  });

  it("there are enough, and what is expected belongs to one", () => {
    expect(configurations.length).toBeGreaterThanOrEqual(30);
    const strays = files.filter((name) => !configurations.includes(name) && !configurations.includes(name.replace(/\.expected$/, "")));
    expect(strays).toEqual([]);
  });
});
