// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how scripts name variables
import { expect, test } from "vitest";
import { faultOf, matchesAfter, problemsOf, truthOf } from "../../../support/script-test.ts";

const subject = {
  environment: {
    helo_domain: "mx.example.org",
    remote_ip: "192.0.2.1",
    authenticated_as: "",
    now: 1_709_249_405,
    "param.body": ["a", "b"],
  },
  lists: { hosts: ["mx.example.org"], others: [] },
  size: 102_400,
  // Thursday.
  now: Date.UTC(2024, 1, 29, 23, 30, 5),
};

test.each<[written: string, truth: boolean]>([
  ['environment "helo_domain" "MX.example.org"', true],
  ['environment :matches "helo_domain" "*.example.org"', true],
  ['environment :matches "helo_domain" "*.example.com"', false],
  ['environment "HELO_Domain" "mx.example.org"', true],
  ['environment "remote-ip" "192.0.2.1"', false],
  ['environment :list "helo_domain" ["others", "hosts"]', true],
  ['environment :value "gt" :comparator "i;ascii-numeric" "now" "1709249404"', true],
  ['environment "param.body" "a\r\nb"', true],
  ['environment "authenticated_as" ""', true],
  ['environment :count "eq" "authenticated_as" "0"', true],
  ['environment :count "eq" "authenticated_as" "1"', false],
  ['environment :count "eq" "helo_domain" "1"', true],
  ['environment :count "eq" "no-such-item" "0"', false],
  ['environment :count "lt" "${env.helo_domain}" "1"', false],
  ['environment :count "eq" "authenticated_${unset}as" "0"', true],
  ['environment :contains "tls.version" ""', false],
  ['environment :count "eq" "tls.version" "0"', true],
  ['environment "${env.helo_domain}" "mx.example.org"', false],
  ['environment "helo_${unset}domain" "mx.example.org"', true],
  ['environment "HELO_${unset}Domain" "mx.example.org"', true],
  ["size :over 100K", false],
  ["size :over 102399", true],
  ["size :under 100K", false],
  ["size :under 102401", true],
  ['currentdate "date" "2024-02-29"', true],
  ['currentdate :zone "+0200" "DATE" "2024-03-01"', true],
  ['currentdate :zone "+0200" "date" "2024-02-29"', false],
  ['currentdate "weekday" ["5", "4"]', true],
  ['currentdate :value "ge" :comparator "i;ascii-numeric" "hour" "23"', true],
  ['currentdate :value "lt" "iso8601" "2024-03-01"', true],
  ['currentdate :count "eq" "std11" "1"', true],
  ['currentdate :zone "+${unset}0030" "${unset}zone" "+0030"', true],
  ['valid_ext_list "hosts"', true],
  ['valid_ext_list ["hosts", "others"]', true],
  ['valid_ext_list ["hosts", "none"]', false],
  ['valid_ext_list "${env.helo_domain}"', false],
  ['ihave "variables"', true],
  ['ihave ["variables", "comparator-i;octet"]', true],
  ['ihave ["variables", "fileinto"]', false],
  ['not ihave "fileinto"', true],
])("%s is %j", async (written, truth) => {
  expect(await truthOf(written, subject)).toBe(truth);
  expect(await truthOf(written, { ...subject, late: true })).toBe(truth);
});

test("what a moment is made of can be taken apart", async () => {
  expect(await matchesAfter('currentdate :matches "time" "*:*:*"', subject)).toEqual(["23:30:05", "23", "30"]);
});

test.each<[written: string, truth: boolean]>([
  ['header "subject" ""', false],
  ['header :contains ["from", "to"] ""', false],
  ['header :count "eq" "subject" "0"', true],
  ['address :domain "from" ""', false],
  ['exists "from"', false],
  ['not exists ["from", "to"]', true],
  ['date "date" "year" "2024"', false],
  ['date :originalzone :value "ge" "date" "hour" "00"', false],
])("without a message %s is %j, and that is reported once", async (written, truth) => {
  expect(await truthOf(written, subject)).toBe(truth);
  const warning = "warning: there is no message yet, so tests of headers are false. Test the envelope or the environment instead.";
  expect(problemsOf(written)).toEqual([expect.stringContaining(warning)]);
  expect(problemsOf(`anyof (${written}, ${written})`)).toHaveLength(1);
});

test.each<[written: string, problem: string]>([
  ["size 100", '2:4: error: "size" needs ":over" or ":under", as in: size :over 100K.'],
  ['currentdate "weekdays" "1"', '2:16: error: unknown date part "weekdays". Did you mean "weekday"?'],
  ['currentdate :zone "CET" "date" "1"', '2:22: error: "CET" is not a time zone. Write it as +0200 or -0530.'],
  ['ihave "${env.now}"', "2:10: error: a capability has to be known when the script is loaded. Write its name without variables."],
  [
    'environment "helo-domian" "x"',
    '2:16: warning: unknown environment item "helo-domian": the test is always false. Did you mean "helo_domain"?',
  ],
])("%s: %s", (written, problem) => {
  expect(problemsOf(written, subject)).toEqual([problem]);
});

test.each<[written: string, fault: string]>([
  [
    'currentdate "${env.remote_ip}" "1"',
    'unknown date part "192.0.2.1". Known are year, month, day, date, julian, hour, minute, second, time, iso8601, std11, zone, weekday.',
  ],
  ['currentdate :zone "${env.remote_ip}" "date" "1"', '"192.0.2.1" is not a time zone. Write it as +0200 or -0530.'],
])("%s fails while it runs: %s", async (written, fault) => {
  expect(await faultOf(written, subject)).toBe(fault);
});
