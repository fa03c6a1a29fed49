// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how scripts name variables
import { expect, test } from "vitest";
import { problemsOf, truthOf } from "../../../support/script-test.ts";

const subject = {
  envelope: { from: "ken+sieve+x@example.org", to: "postmaster", envid: "id-7", notify: "SUCCESS,DELAY", bymode: "R" },
  environment: { "tls.version": "from", stage: "notify" },
  lists: { senders: ["ken+sieve+x@example.org"], domains: ["example.org"] },
};

test.each<[written: string, truth: boolean]>([
  ['envelope "from" "ken+sieve+x@example.org"', true],
  ['envelope "FROM" "KEN+sieve+x@example.org"', true],
  ['envelope "from" "ken@example.org"', false],
  ['envelope :all "from" "ken+sieve+x@example.org"', true],
  ['envelope :localpart "from" "ken+sieve+x"', true],
  ['envelope :domain "from" "example.org"', true],
  ['envelope :domain "from" "ken"', false],
  ['envelope :user "from" "ken"', true],
  ['envelope :detail "from" "sieve+x"', true],
  ['envelope :detail :contains "from" ""', true],
  ['envelope :localpart "to" "postmaster"', true],
  ['envelope :user "to" "postmaster"', true],
  ['envelope :domain :contains "to" ""', false],
  ['envelope :detail :contains "to" ""', false],
  ['envelope ["to", "from"] "ken+sieve+x@example.org"', true],
  ['envelope :count "eq" ["to", "from"] "2"', true],
  ['envelope :count "eq" :domain ["to", "from"] "1"', true],
  ['envelope :count "eq" "orcpt" "0"', true],
  ['envelope "envid" "ID-7"', true],
  ['envelope "orcpt" ""', false],
  ['envelope :contains "ret" ""', false],
  ['envelope "notify" "delay"', true],
  ['envelope "notify" "failure"', false],
  ['envelope :count "eq" "notify" "2"', true],
  ['envelope "bymode" "R"', true],
  ['envelope "bymode" "return"', true],
  ['envelope "bymode" "notify"', false],
  ['envelope :count "eq" "bymode" "1"', true],
  ['envelope "bytrace" ""', true],
  ['envelope "bytrace" "trace"', false],
  ['envelope "by_mode" "R"', true],
  ['envelope "by_time_absolute" ""', false],
  ['envelope "${env.tls.version}" "ken+sieve+x@example.org"', true],
  ['envelope :domain "${env.tls.version}" "example.org"', true],
  ['envelope :domain "${env.stage}" "SUCCESS,DELAY"', true],
  ['envelope "${env.tls.version}x" ""', false],
  ['envelope :list "from" "senders"', true],
  ['envelope :domain :list "from" ["senders", "domains"]', true],
  ['envelope :domain :list "to" ["senders", "domains"]', false],
])("%s is %j", async (written, truth) => {
  expect(await truthOf(written, subject)).toBe(truth);
  expect(await truthOf(written, { ...subject, late: true })).toBe(truth);
});

test.each(["", ":all", ":localpart", ":domain", ":user", ":detail"])("the null sender is empty in %j", async (part) => {
  expect(await truthOf(`envelope ${part} "from" ""`, { envelope: { from: "" } })).toBe(true);
  expect(await truthOf(`envelope ${part} :count "eq" "from" "1"`, { envelope: { from: "" } })).toBe(true);
});

test.each<[localpart: string, user: string, detail: string | undefined]>([
  ["ken", "ken", undefined],
  ["ken+", "ken", ""],
  ["+x", "", "x"],
  ["+", "", ""],
])("the user of %j is %j, the detail %j", async (localpart, user, detail) => {
  const envelope = { from: `${localpart}@example.org` };
  expect(await truthOf(`envelope :user "from" "${user}"`, { envelope })).toBe(true);
  expect(await truthOf(`envelope :detail "from" "${detail ?? ""}"`, { envelope })).toBe(detail !== undefined);
});

test("before MAIL there is no sender", async () => {
  expect(await truthOf('envelope "from" ""')).toBe(false);
  expect(await truthOf('envelope :count "eq" ["from", "to"] "0"')).toBe(true);
});

test.each<[written: string, problems: string[]]>([
  ['envelope "form" "x"', ['2:13: error: unknown envelope part "form". Did you mean "from"?']],
  ['envelope "rcpt" "x"', ['2:13: error: unknown envelope part "rcpt". Did you mean "to"?']],
  ['envelope "sender" "x"', ['2:13: error: unknown envelope part "sender". Did you mean "from"?']],
  [
    'envelope ["Mail_From", "recipient"] "x"',
    [
      '2:14: error: unknown envelope part "Mail_From". Did you mean "from"?',
      '2:27: error: unknown envelope part "recipient". Did you mean "to"?',
    ],
  ],
  [
    'envelope :comparator "i;octet" :localpart "from" ["John", "john"]',
    ['2:54: warning: addresses are in lower case here, so "John" matches none. Write it in lower case.'],
  ],
  [
    'envelope :comparator "i;octet" :matches ["envid", "to"] "*@Example.org"',
    ['2:60: warning: addresses are in lower case here, so "*@Example.org" matches none. Write it in lower case.'],
  ],
  [
    'envelope :domain "to" ["exämple.example", "example.org"]',
    ['2:27: warning: domains have A-labels here, so "exämple.example" matches none. Write "xn--exmple-cua.example".'],
  ],
  [
    'envelope :matches "to" "*@*.exämple.example"',
    ['2:27: warning: domains have A-labels here, so "*@*.exämple.example" matches none. Write "*@*.xn--exmple-cua.example".'],
  ],
  ['envelope :localpart "to" "jürgen"', []],
  ['envelope "from" ["<>", "a@b.example"]', ['2:21: warning: addresses have no brackets here, so "<>" matches none. Write "".']],
  [
    'envelope :contains "to" "<a@b.example>"',
    ['2:28: warning: addresses have no brackets here, so "<a@b.example>" matches none. Write "a@b.example".'],
  ],
  [
    'envelope :domain :matches "from" "*@b.example"',
    ['2:37: warning: a domain has no @, so "*@b.example" matches none. Write "b.example".'],
  ],
  [
    'envelope :is "from" "*@b.example"',
    ['2:24: warning: the whole of "*@b.example" is compared, where * is a character like others. Write :matches.'],
  ],
  [
    'envelope :domain "from" ".b.example"',
    ['2:28: warning: no domain begins with a dot, so ".b.example" matches none. Write :matches and "*.b.example".'],
  ],
  [
    'envelope ["from", "to"] "@b.example"',
    ['2:28: warning: a whole address is compared, so "@b.example" matches none. Write :domain and "b.example".'],
  ],
  ['envelope :contains "from" "@b.example"', []],
  ['envelope :domain :contains "from" ".b.example"', []],
  ['envelope :matches "to" ["*@b.example", "@*"]', []],
  ['envelope "envid" "<*@b.example>"', []],
  ['envelope "to" "Jürgen@xn--exmple-cua.example"', []],
  ['envelope :comparator "i;octet" "envid" "John"', []],
  ['envelope :comparator "i;octet" :regex "to" "\\\\W"', []],
  ['envelope "to" "John@Example.org"', []],
  [
    'envelope "subject" "x"',
    [
      '2:13: error: unknown envelope part "subject". Known are from, to, envid, orcpt, ret, notify, bymode, bytrace, bytimeabsolute, bytimerelative.',
    ],
  ],
  ['envelope :domain ["from", "envid"] "x"', ['2:13: error: envelope part "envid" is not an address. Leave out ":domain".']],
  ['envelope :all "ret" "FULL"', ['2:13: error: envelope part "ret" is not an address. Leave out ":all".']],
  ['envelope :all ["from", "notify"] "x"', ['2:13: error: envelope part "notify" is not an address. Leave out ":all".']],
  ['envelope :zone "+0200" "from" "x"', ['2:13: error: ":zone" is for "bytimeabsolute" alone. Remove it.']],
  ['envelope :zone "CET" "bytimeabsolute" "x"', ['2:19: error: "CET" is not a time zone. Write it as +0200 or -0530.']],
  ['envelope :user "orcpt" "x"', ['2:13: error: envelope part "orcpt" is not an address. Leave out ":user".']],
  [
    'envelope :regex ["from", "too"] ["a", "*"]',
    [
      '2:29: error: unknown envelope part "too". Did you mean "to"?',
      "2:42: error: bad regular expression: missing argument to repetition operator: `*`.",
    ],
  ],
])("%s: %j", (written, problems) => {
  expect(problemsOf(written)).toEqual(problems);
});
