/** The messages for what scripts get wrong: each script of errors/ beside all that is said of it, found in one pass. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { compileScript } from "../../src/sieve/compile/compile-scripts.ts";
import type { ScriptProblem } from "../../src/sieve/script.ts";
import { vocabularyOf } from "../support/script-world.ts";

const folder = join(import.meta.dirname, "sieve-errors");
const files = readdirSync(folder).filter((name) => name !== "included");
const scripts = files.filter((name) => name.endsWith(".sieve"));

const included = new Map(
  readdirSync(join(folder, "included")).map((name) => [name.replace(/\.sieve$/, ""), sourceOf(join("included", name))]),
);

/** What the first line of a script asks for. */
const harness: Readonly<Record<string, Parameters<typeof vocabularyOf>[0]>> = {
  "# harness: capabilities are checked": { mustRequire: true },
  "# harness: small limits": { limits: { variableName: 10, variables: 2, nestedBlocks: 2, nestedTests: 3, stringSize: 40 } },
  "# harness: small scripts": { limits: { scriptSize: 20 } },
};

function sourceOf(name: string): string {
  return readFileSync(join(folder, name), "utf8");
}

function formatted(name: string, { severity, script, line, column, message }: ScriptProblem): string {
  const place = `${script === name ? "" : `${script}:`}${line}:${column}`;
  return `${place}: ${severity === "warning" ? "warning: " : ""}${message}\n`;
}

describe("a script with errors", () => {
  it.each(scripts)("%s", async (file) => {
    const source = sourceOf(file);
    const name = file.replace(/\.sieve$/, "");
    const vocabulary = vocabularyOf({ lists: ["blocked-domain"], scripts: included, ...harness[source.split("\n", 1)[0] ?? ""] });
    const { script, problems } = compileScript(name, source, vocabulary);
    expect(script).toBeUndefined();
    await expect(problems.map((problem) => formatted(name, problem)).join("")).toMatchFileSnapshot(join(folder, `${file}.expected`));
    for (const { script, line, column } of problems) {
      const lines = (script === name ? source : (included.get(script) ?? "")).split("\n");
      expect(column).toBeLessThanOrEqual((lines[line - 1] ?? "").length + 1);
    }
  });

  it("there are enough, and what is expected belongs to one", () => {
    expect(scripts.length).toBeGreaterThanOrEqual(40);
    for (const file of files) expect(existsSync(join(folder, file.replace(/\.expected$/, "")))).toBe(true);
  });
});
