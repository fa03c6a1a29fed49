// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how scripts name variables
import { expect, it } from "vitest";
import { compileScript } from "../../../../src/sieve/compile/compile-scripts.ts";
import type { ScriptLogEntry } from "../../../../src/sieve/script.ts";
import { errorsOf, played } from "../../../support/script-run.ts";
import { surroundingsOf, vocabularyOf } from "../../../support/script-world.ts";

async function logged(source: string, helo = ""): Promise<readonly ScriptLogEntry[]> {
  const entries: ScriptLogEntry[] = [];
  const scripts = new Map([["other", 'keep;\n\nlog "from within";']]);
  const { script } = compileScript("main", source, vocabularyOf({ scripts }));
  const world = { lists: new Map(), sql: [], dns: new Map(), declaredSize: 0, now: 0, envelope: {} };
  const surroundings = surroundingsOf({ ...world, environment: new Map([["helo_domain", helo]]) }, false);
  await script?.run({ ...surroundings, log: (entry) => entries.push(entry) });
  return entries;
}

it.each(["log", "debug_log"])("%s writes a line with its place", async (name) => {
  expect(await logged(`keep;\n if true { ${name} "EHLO \${env.helo_domain}"; }\ninclude "other";`, "mx.example")).toEqual([
    { script: "main", line: 2, text: "EHLO mx.example" },
    { script: "other", line: 3, text: "from within" },
  ]);
});

it("what a client says stays on the line, and is cut", async () => {
  expect(await logged('log "${env.helo_domain}";', "a\r\n2024 fake\u001b[31m\u202e")).toMatchObject([{ text: "a 2024 fake [31m " }]);
  const [entry] = await logged('log "${env.helo_domain}";', "😀".repeat(10_000));
  expect(entry?.text.length).toBeLessThanOrEqual(400);
  expect(entry?.text.isWellFormed()).toBe(true);
});

it("changes nothing, needs its text, and cannot go on for ever", async () => {
  expect(await played('reject "No."; log "x";')).toBe("reject 550 5.7.1 No.");
  expect(errorsOf("log;")).toEqual(['1:1: "log" takes 1 argument (text), not 0.']);
  expect(await logged('while "1" { log "x"; }')).toHaveLength(Math.floor(1_048_576 / 102));
});
