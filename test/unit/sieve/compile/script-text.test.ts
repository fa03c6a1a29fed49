// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how scripts name variables
import { describe, expect, it } from "vitest";
import { errorsOf, played } from "../../../support/script-run.ts";

const before = 'set "company" "ACME"; set "_x1" "y"; if not string :matches "a.b" "*.*" { stop; }';
const play = { environment: { helo_domain: "mx.example", "remote-ip": "192.0.2.1" }, envelope: { from: "a@b.example", bymode: "R" } };

describe("what is put in", () => {
  it.each<[written: string, text: string]>([
    ["${company}", "ACME"],
    ["${COMPANY}, ${Company}", "ACME, ACME"],
    ["[${never_set}]", "[]"],
    ["&%${}!", "&%${}!"],
    ["${doh!}", "${doh!}"],
    ["${ company }", "${ company }"],
    ["${${company}}", "${ACME}"],
    ["$${company}$", "$ACME$"],
    ["${President, ${company}", "${President, ACME"],
    ["${company", "${company"],
    ["${_x1}", "y"],
    ["${1}-${2}-${0}-${01}", "a-b-a.b-a"],
    ["[${3}${99999999999999999999}]", "[]"],
    ["${1a}", "${1a}"],
    ["${env.helo_domain}/${ENV.Helo_Domain}", "mx.example/mx.example"],
    ["[${env.remote_ip}]", "[]"],
    ["${env.remote-ip}/${Env.Remote-IP}", "192.0.2.1/192.0.2.1"],
    ["${a-b}/${x.a-b}", "${a-b}/${x.a-b}"],
    ["${envelope.from}/${envelope.by_mode}/${envelope.bymode}/${envelope.to}", "a@b.example/R/R/"],
  ])("%s", async (written, text) => {
    expect(await played(`${before} reject "= ${written}";`, play)).toBe(`reject 550 5.7.1 = ${text}`.trimEnd());
  });
});

describe("what is encoded", () => {
  it.each<[written: string, text: string]>([
    ["${hex:40}${HEX: 4 1 }", "@ "],
    ["${hex:c3 a9}${hex:c3}${hex:a9}", "éé"],
    ["${hex:ff}", "\ufffd"],
    ["${unicode:40 1F600}${Unicode:0000e9}", "@😀é"],
    ["${hex:}${hex:4g}${hex:40", "${hex:}${hex:4g}${hex:40"],
    ["${hex:400}${unicode: }", "${hex:400}${unicode: }"],
    ["${hex:24 7b}company}", "ACME"],
    ["${hex:24}{company}", "ACME"],
  ])("%s", async (written, text) => {
    expect(await played(`${before} reject "= ${written}";`)).toBe(`reject 550 5.7.1 = ${text}`.trimEnd());
  });

  it.each([
    ['keep; set "a" "xy${unicode:40 d800}";', "1:18: U+D800 is not a character. Characters are 0 to D7FF and E000 to 10FFFF."],
    ['set "a" "${unicode:110000}";', "1:10: U+110000 is not a character. Characters are 0 to D7FF and E000 to 10FFFF."],
    [`set "a" "\${unicode:${"f".repeat(400)}}";`, "1:10: U+FFFFFFFF is not a character. Characters are 0 to D7FF and E000 to 10FFFF."],
  ])("%s", (source, error) => {
    expect(errorsOf(source)).toEqual([error]);
  });
});

describe("names that cannot be", () => {
  it.each<[source: string, error: string]>([
    ['reject "a ${evn.helo_domain}";', '1:11: unknown namespace "evn". Did you mean "env"?'],
    ['reject "a ${vnd.x.y}";', '1:11: unknown namespace "vnd". Known are env, envelope and global.'],
    ['reject "${env.helo_domian}";', '1:9: unknown environment item "env.helo_domian". Did you mean "env.helo_domain"?'],
    ['reject "${env.remote-port}";', '1:9: unknown environment item "env.remote-port". Did you mean "env.remote-host"?'],
    ['reject "${env.asn}";', '1:9: "env.asn" is not known to this version.'],
    ['reject "${envelope.form}";', '1:9: unknown part of the envelope "envelope.form". Did you mean "envelope.from"?'],
    ['reject "\\"${env.asn}";', '1:8: "env.asn" is not known to this version.'],
    ["reject text:\n${env.asn}\n.\n;", '1:8: "env.asn" is not known to this version.'],
    [
      `reject "\${${"a".repeat(101)}}";`,
      `1:9: the name "${"a".repeat(40)}…" is longer than sieve.trusted.limits.variable-name allows (100).`,
    ],
  ])("%j", (source, error) => {
    expect(errorsOf(source)).toEqual([error]);
  });
});

it.each<[required: string, text: string]>([
  ['"reject"', "${a}${hex:40}"],
  ['["reject", "variables"]', "${hex:40}"],
  ['["reject", "encoded-character"]', "${a}@"],
  ['["reject", "variables", "encoded-character"]', "@"],
])("where capabilities are checked, require %s", async (required, text) => {
  const source = `require ${required}; reject "\${a}\${hex:40}";`;
  expect(await played(source, { vocabulary: { mustRequire: true } })).toBe(`reject 550 5.7.1 ${text}`);
});
