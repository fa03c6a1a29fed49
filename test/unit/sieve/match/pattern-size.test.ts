/** A client chooses how long its address is: what only a long one would stop is said of the script when it is compiled. */
import { describe, expect, it } from "vitest";
import { compileScript } from "../../../../src/sieve/compile/compile-scripts.ts";
import { played } from "../../../support/script-run.ts";
import { vocabularyOf } from "../../../support/script-world.ts";

const domains = (count: number) => Array.from({ length: count }, (_, index) => `spam${index}[.]example`).join("|");
const address = (octets: number) => `${"x".repeat(octets - "@spam1.example".length)}@spam1.example`;

const forms: readonly (readonly [string, (pattern: string) => string])[] = [
  [":regex", (pattern) => `if envelope :regex "from" "@(${pattern})$" { reject "550 5.7.1 No."; }`],
  ["matches", (pattern) => `if eval "matches('@(${pattern})$', envelope.from)" { reject "550 5.7.1 No."; }`],
];

describe.each(forms)("%s", (_form, scriptOf) => {
  it.each([
    [3, true],
    [100, true],
    [130, true],
    [400, false],
    [800, false],
  ])("of %i domains refuses the longest address, or is warned of: %s", async (count, refuses) => {
    const script = scriptOf(domains(count));
    const { problems } = compileScript("main", script, vocabularyOf());
    const warnings = problems.filter(({ message }) => message.startsWith("the regular expression is so large"));
    expect(warnings.map(({ severity }) => severity)).toEqual(refuses ? [] : ["warning"]);
    expect(await played(script, { envelope: { from: address(20) } })).toBe("reject 550 5.7.1 No.");
    expect(await played(script, { envelope: { from: address(512) } })).toMatch(refuses ? /^reject 550 5\.7\.1 No\.$/ : /^accept; failure /);
  });
});
