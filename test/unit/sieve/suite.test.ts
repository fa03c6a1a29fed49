/** What scripts mean: the files of suite/, in Sieve (suite/README.md). */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { formatReply } from "../../../src/mail/reply.ts";
import { compileScript } from "../../../src/sieve/compile/compile-scripts.ts";
import { type EnvelopePart, envelopeParts, type ScriptOutcome } from "../../../src/sieve/script.ts";
import { surroundingsOf, vocabularyOf, type World } from "../../support/script-world.ts";
import { type Directive, failed, parseSieveTests, type SieveTest, type SieveTestFile } from "../../support/svtest.ts";

const folder = join(import.meta.dirname, "suite");
const files = globSync("*.svtest", { cwd: folder }).sort();

it("is there", () => expect(files.length).toBeGreaterThanOrEqual(20));

describe.each(files)("%s", (name) => {
  const file = parseSieveTests(readFileSync(join(folder, name), "utf8"));
  for (const late of [false, true]) {
    describe(late ? "sources that let it wait" : "sources that answer at once", () => {
      it.each(file.tests.map((test) => [`${test.line} ${test.name}`, test] as const))("%s", (_, test) => play(test, file, late));
    });
  }
});

/** The texts of the directives with this word, in order. */
const all = (directives: readonly Directive[], word: string) => directives.filter((each) => each.word === word).map(({ texts }) => texts);

async function play(test: SieveTest, file: SieveTestFile, late: boolean): Promise<void> {
  const given = (word: string) => all(test.directives, word);
  const lists = all(file.directives, "list").map(([name = ""]) => name);
  const limits = Object.fromEntries(given("limit").map(([name, value]) => [name, Number(value)]));
  const { scripts } = file;
  const vocabulary = vocabularyOf({ lists, scripts, limits, mustRequire: true, waits: late });
  const { script, problems } = compileScript("test", test.source, vocabulary);
  const errors = problems
    .filter(({ severity }) => severity === "error")
    .map(({ line, column, message }) => `${line}:${column}: ${message}`);
  const expected = given("error").map(([words = ""]) => expect.stringContaining(words));
  expect(errors).toEqual(expected);
  if (expected.length > 0) return;
  if (script === undefined) throw new Error("no script, and no reason");
  let turns = 0;
  const yieldToLoop = async (): Promise<void> => {
    turns += 1;
  };
  const answer = script.run({ ...surroundingsOf(worldOf(test.directives), late), yieldToLoop });
  if (!late && turns === 0) expect(answer).not.toBeInstanceOf(Promise);
  check(await answer, given);
}

function check({ action, changes, failure }: ScriptOutcome, given: (word: string) => (readonly string[])[]): void {
  const reply = action.kind === "reject" ? formatReply(action.reply) : undefined;
  if (reply?.startsWith(failed)) throw new Error(reply.slice(failed.length));
  const [words] = given("failure")[0] ?? [];
  if (words === undefined) expect(failure?.message).toBe(undefined);
  else expect(failure?.message).toContain(words);
  expect([action.kind, ...(reply === undefined ? [] : [reply])]).toEqual(given("outcome")[0] ?? ["accept"]);
  const made = changes.map(({ part, value }) => [`envelope.${part}`, ...(value === undefined ? [] : [value])]);
  expect(made).toEqual(given("change"));
}

function worldOf(directives: readonly Directive[]): World {
  const sets = new Map(all(directives, "set").map(([name = "", value = ""]) => [name, value]));
  const unknown = [...sets.keys()].filter((name) => !/^env\.|^now$|^size$/.test(name) && partOf(name) === undefined);
  if (unknown.length > 0) throw new Error(`${unknown} cannot be set`);
  return {
    environment: new Map([...sets].filter(([name]) => name.startsWith("env.")).map(([name, value]) => [name.slice(4), value])),
    envelope: Object.fromEntries([...sets].map(([name, value]) => [partOf(name), value]).filter(([part]) => part !== undefined)),
    lists: new Map(all(directives, "list").map(([name = "", ...keys]) => [name, new Set(keys)])),
    sql: all(directives, "sql").flat(),
    dns: new Map([
      ...all(directives, "dns").map(([type = "", name = "", ...values]) => [`${type} ${name}`, values] as const),
      ...all(directives, "dns_fails").map(([type = "", name = ""]) => [`${type} ${name}`, undefined] as const),
    ]),
    declaredSize: Number(sets.get("size") ?? 0),
    now: Date.parse(sets.get("now") ?? "2024-02-29T12:34:56Z"),
  };
}

function partOf(name: string): EnvelopePart | undefined {
  return envelopeParts.find((part) => name === `envelope.${part}`);
}
