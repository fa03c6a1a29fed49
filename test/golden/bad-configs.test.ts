/** The messages that administrators see about mistakes: each bad configuration beside everything that is reported about it. */
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";
import { formatProblem } from "../../src/config/check/report.ts";
import { parseConfiguration } from "../../src/config/load.ts";

const folder = join(import.meta.dirname, "./bad-configs");
const files = readdirSync(folder);
const configurations = files.filter((name) => /\.(toml|json)$/.test(name));

/** Of the world there are an empty file, scripts, and one that is no table, beside the configuration. */
function readFile(path: string): string {
  if (path === "/etc/postern/empty") return "";
  if (path === "/etc/postern/bad.sieve") return "if true {\n  reject 5;\n}\n";
  if (path === "/etc/postern/marked.sieve") return '\ufeffrequire "reject";\r\nif true {\r\n  rejct "x";\r\n}\r\n';
  if (path === "/etc/postern/latin-1.sieve") return 'reject "550 5.7.1 \ufffdt\ufffd";\n';
  if (path === "/etc/postern/utf-16") return "\ufffd\ufffda\0@\0e\0";
  if (path === "/etc/postern/many") return "x\n".repeat(25);
  if (path === "/etc/postern/odd")
    return "john@example.org john\n/regular/ x@example.org\njane@example.org: jane@elsewhere.example\nx@example.org\n";
  throw Object.assign(new Error(`no ${path}`), { code: "ENOENT" });
}

function reported(name: string, source: string) {
  const { configuration, problems } = parseConfiguration(source, `/etc/postern/${name}`, readFile);
  return { configuration, text: problems.map((problem) => `${formatProblem({ ...problem, file: basename(problem.file) })}\n`).join("") };
}

describe("a bad configuration", () => {
  it.each(configurations)("%s", async (name) => {
    const { configuration, text } = reported(name, readFileSync(join(folder, name), "utf8"));
    await expect(text).toMatchFileSnapshot(join(folder, `${name}.expected`));
    expect(configuration).toBeUndefined();
  });

  it.each(configurations)("%s with the line ends of Windows: the same places", (name) => {
    const source = readFileSync(join(folder, name), "utf8");
    expect(reported(name, source.replaceAll("\n", "\r\n")).text).toBe(reported(name, source).text);
  });

  it("there are enough, and what is expected belongs to one", () => {
    expect(configurations.length).toBeGreaterThanOrEqual(30);
    const strays = files.filter((name) => !configurations.includes(name) && !configurations.includes(name.replace(/\.expected$/, "")));
    expect(strays).toEqual([]);
  });
});
