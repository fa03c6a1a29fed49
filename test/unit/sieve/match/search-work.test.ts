// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how scripts name variables
import { expect, it } from "vitest";
import { compileScript } from "../../../../src/sieve/compile/compile-scripts.ts";
import { workOf } from "../../../support/count-work.ts";
import { surroundingsOf, vocabularyOf } from "../../../support/script-world.ts";

const text = "a".repeat(4000);
const key = `${"a".repeat(1000)}b${"a".repeat(1000)}`;

it.each([
  'if string :contains "${env.helo_domain}" "${envelope.from}" { discard; }',
  'if string :matches "${env.helo_domain}" "*${envelope.from}*" { discard; }',
  'set :replace "${envelope.from}" "" "a" "${env.helo_domain}";',
  `eval "contains(env.helo_domain, envelope.from)";`,
  `eval "contains_ignore_case(env.helo_domain, envelope.from)";`,
  `eval "split(env.helo_domain, envelope.from)";`,
  `eval "rsplit(env.helo_domain, envelope.from)";`,
  `eval "split_n(env.helo_domain, envelope.from, 2)";`,
  `eval "split_once(env.helo_domain, envelope.from)";`,
  `eval "rsplit_once(env.helo_domain, envelope.from)";`,
])("one text that a stranger chose is looked for in another by linear search: %s", async (source) => {
  const { script } = compileScript("main", source, vocabularyOf());
  const world = { lists: new Map(), sql: [], dns: new Map(), declaredSize: 0, now: 0 };
  const surroundings = surroundingsOf({ ...world, envelope: { from: key }, environment: new Map([["helo_domain", text]]) }, false);
  // The engine's own search, which is not linear, would not be counted.
  expect(await workOf("/src/text/search.ts", () => script?.run(surroundings))).toBeGreaterThan(key.length);
});
