// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how scripts name variables
import { describe, expect, it } from "vitest";
import { compileScript } from "../../../../src/sieve/compile/compile-scripts.ts";
import { errorsOf, played } from "../../../support/script-run.ts";
import { vocabularyOf } from "../../../support/script-world.ts";

describe("modifiers", () => {
  it.each<[tags: string, value: string, becomes: string]>([
    ["", "jUMBLED lETTERS", "jUMBLED lETTERS"],
    [":length", "jUMBLED lETTERS", "15"],
    [":length", "aé😀", "3"],
    [":length", "", "0"],
    [":lower", "jUMBLED lETTERS", "jumbled letters"],
    [":upper", "straße", "STRAßE"],
    [":upper", "éǆﬁ", "ÉǄﬁ"],
    [":upperfirst", "ßa", "ßa"],
    [":lower", "İSTANBUL Σ", "İstanbul σ"],
    [":lower", "𐐀", "𐐨"],
    [":upperfirst", "jUMBLED lETTERS", "JUMBLED lETTERS"],
    [":upperfirst :lower", "jUMBLED lETTERS", "Jumbled letters"],
    [":lowerfirst :upper", "abc", "aBC"],
    [":upperfirst", "😀a", "😀a"],
    [":upperfirst", "", ""],
    [":quotewildcard", "Rock*?\\\\", "Rock\\*\\?\\\\"],
    [":quotewildcard :length", "a*", "3"],
    [":quoteregex", "a.b[c]{2}", "a\\.b\\[c\\]\\{2\\}"],
    [":encodeurl", "a b/é!~", "a%20b%2F%C3%A9%21~"],
    [":encodeurl :length :upper", "é", "6"],
    [':replace "." ""', "a.b.c", "abc"],
    [':replace "a" "aa" :upper', "banana", "BAANAANAA"],
    [':replace "" "x"', "abc", "abc"],
    [':upper :replace "b" "c"', "abB", "ACB"],
  ])("%s %j", async (tags, value, becomes) => {
    expect(await played(`set ${tags} "a" "${value}"; reject "= \${a}";`)).toBe(`reject 550 5.7.1 = ${becomes}`.trimEnd());
    // The same when it is not known at load.
    expect(await played(`set "v" "${value}"; set ${tags} "a" "\${v}"; reject "= \${a}";`)).toBe(`reject 550 5.7.1 = ${becomes}`.trimEnd());
  });
});

describe("values beyond the limit are cut", () => {
  const vocabulary = { limits: { variableSize: 5 } };
  it.each<[source: string, text: string]>([
    ['set "a" "1234567";', "12345"],
    ['set "a" "12345"; set "a" "${a}${a}";', "12345"],
    ['set :replace "1" "1234567" "a" "111111";', "12345"],
    ['set :length "a" "1234567";', "7"],
    ['set "a" "1234😀";', "1234\ufffd"],
  ])("%s", async (source, text) => {
    expect(await played(`${source} reject "= \${a}";`, { vocabulary })).toBe(`reject 550 5.7.1 = ${text}`);
  });
});

it("a replacement that grows stays within the instructions", async () => {
  const grown = `set "a" "aaaa"; ${'set "a" "${a}${a}${a}${a}";'.repeat(8)}`;
  expect(await played(`${grown} set :replace "a" "\${a}" "c" "\${a}";`)).toBe("accept");
  expect(await played(`${grown} set :replace "\${a}" "" "d" "\${a}"; reject "<\${d}>";`)).toBe("reject 550 5.7.1 <>");
});

describe("the envelope", () => {
  it.each<[source: string, outcome: string]>([
    ['set "envelope.to" "New@B.Example";', "accept to=<New@B.Example>"],
    ['set "ENVELOPE.TO" "a@b.example";', "accept to=<a@b.example>"],
    ['set "envelope.to" "nobody";', "accept"],
    ['set "envelope.to" "";', "accept"],
    ['set "envelope.to" "a@b.example> RCPT TO:c";', "accept"],
    ['set "envelope.to" "a@b.example\r\nc";', "accept"],
    ['set "envelope.from" "";', "accept from=<>"],
    ['set "envelope.from" "x@y.example"; set "envelope.to" "a@b.example";', "accept from=<x@y.example> to=<a@b.example>"],
    ['set "envelope.envid" "QQ314159";', "accept envid=<QQ314159>"],
    ['set "envelope.envid" "a b";', "accept"],
    ['set "envelope.envid" "";', "accept envid="],
    ['set "envelope.orcpt" "rfc822;Bob@b.example";', "accept orcpt=<rfc822;Bob@b.example>"],
    ['set "envelope.ret" "full"; set "envelope.ret" "some";', "accept ret=<FULL> ret="],
    ['set "envelope.notify" "success,FAILURE";', "accept notify=<SUCCESS,FAILURE>"],
    ['set "envelope.notify" "never,delay";', "accept notify="],
    ['set "envelope.bymode" "n"; set "envelope.by_trace" "T";', "accept bymode=<N> bytrace=<T>"],
    ['set "envelope.bytimerelative" "120";', "accept"],
    ['set :lower "envelope.to" "A@B.EXAMPLE";', "accept to=<a@b.example>"],
  ])("%j", async (source, outcome) => {
    expect(await played(source, { envelope: { from: "f@b.example", to: "t@b.example" } })).toBe(outcome);
  });

  it("a change is seen by what comes later", async () => {
    const source =
      'set "envelope.to" "New@B.EXAMPLE"; if envelope :comparator "i;octet" "to" "new@b.example" { reject "<${envelope.to}>"; }';
    expect(await played(source, { envelope: { to: "t@b.example" } })).toBe("reject 550 5.7.1 <new@b.example> to=<New@B.EXAMPLE>");
    expect(await played('set "envelope.ret" ""; reject "<${envelope.ret}>";', { envelope: { ret: "FULL" } })).toBe(
      "reject 550 5.7.1 <> ret=",
    );
  });
});

describe("what cannot be set", () => {
  it.each<[source: string, error: string]>([
    ['set :lower :upper "a" "b";', '1:12: ":lower" and ":upper" exclude each other. Remove one.'],
    ['set :lower :lower "a" "b";', '1:12: ":lower" is given twice. Remove one.'],
    ['set :quoteregex :quotewildcard "a" "b";', '1:17: ":quoteregex" and ":quotewildcard" exclude each other. Remove one.'],
    ['set :replace "a" "b";', '1:1: "set" takes 2 arguments (name, value), not 0.'],
    ['set :replace "a" :lower "b" "c" "d";', '1:5: the argument of ":replace" must be a string.'],
    ['set "1" "b";', '1:5: "1" is a match variable, which :matches and :regex set. Choose a name.'],
    [
      'set "a-b" "c";',
      '1:5: "a-b" is not the name of a variable. A name is letters, digits and underscores, and does not begin with a digit.',
    ],
    ['set "${a}" "c";', "1:5: the name of a variable must be known at load. Write it without variables."],
    ['set "env.helo_domain" "c";', '1:5: "env.helo_domain" cannot be set: the environment is only read.'],
    ['set "envelope.form" "c";', '1:5: unknown part of the envelope "envelope.form". Did you mean "envelope.from"?'],
    [
      'set "global.a-b" "c";',
      '1:5: "a-b" is not the name of a variable. A name is letters, digits and underscores, and does not begin with a digit.',
    ],
  ])("%s", (source, error) => {
    expect(errorsOf(source)).toEqual([error]);
  });

  it("more variables than allowed", () => {
    expect(errorsOf('set "a" "1"; set "b" "${c}"; set "a" "2";', { limits: { variables: 2 } })).toEqual([
      "1:18: there are more variables than sieve.trusted.limits.variables allows (2).",
    ]);
  });
});

it.each<[written: string, warnings: string[]]>([
  ['set "envelope.to" "john";', ['19: "john" is not an address, so this changes nothing. Write one as john@example.org.']],
  ['set "Envelope.To" "";', ['19: "" is not an address, so this changes nothing. Write one as john@example.org.']],
  [
    'set "envelope.from" "<a@b.example>";',
    ['21: "<a@b.example>" is not an address, so this changes nothing. Write one as john@example.org, or "" for the null sender.'],
  ],
  ['set "envelope.from" "";', []],
  ['set :lower "envelope.to" "John@Example.org";', []],
  ['set "envelope.to" "${1}";', []],
  ['set "to" "john";', []],
])("a constant that the envelope does not take is warned of: %s", (source, warnings) => {
  const { problems } = compileScript("main", source, vocabularyOf());
  const found = problems.filter(({ message }) => !message.includes("without require"));
  expect(found.map(({ column, message }) => `${column}: ${message}`)).toEqual(warnings);
});
