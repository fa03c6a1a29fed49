import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Accepted, changeOfSender, changesOfRecipients } from "../../../../src/frontend/milter/recipient-changes.ts";
import { canonicalAddress } from "../../../../src/mail/address.ts";
import { parsePath } from "../../../../src/mail/path.ts";

type Row = readonly [sent: string, ...resolved: string[]];

const accepted = ([sent, ...resolved]: Row): Accepted => {
  const [path = "", ...parameters] = sent.split(/ (?=[A-Z]+=)/);
  return { path: parsePath(path), parameters, resolved };
};

/** `-<deleted>` and `+<added>`, followed by parameters. */
function shown(rows: readonly Row[], withParameters = false, isLocal = false): string[] {
  return changesOfRecipients(rows.map(accepted), { withParameters, isLocal }).modifications.map((edit) => {
    switch (edit.kind) {
      case "deleteRecipient":
        return `-${edit.bytes}`;
      case "addRecipient":
        return `+${edit.path}`;
      case "addRecipientWithParameters":
        return `+${edit.path} ${edit.parameters.join(" ")}`;
      default:
        throw new Error(`no change of recipients: ${edit.kind}`);
    }
  });
}

describe("recipients", () => {
  test.each<[what: string, recipients: readonly Row[], modifications: readonly string[]]>([
    ["nothing changed", [["<john@example.org>", "john@example.org"]], []],
    ["case and a trailing dot are no change", [["<John@EXAMPLE.org.>", "john@example.org"]], []],
    ["an IDN is no change", [["<j@b\u00c3\u00bccher.example>", "j@xn--bcher-kva.example"]], []],
    ["needless quotes are no change", [['<"john"@example.org>', "john@example.org"]], []],
    ["without brackets", [["john@example.org", "john@example.org"]], []],
    ["a word without a domain", [["<postmaster>", "postmaster"]], []],
    ["a sub-address", [["<John+Tag@example.org>", "john@example.org"]], ["-<John+Tag@example.org>", "+<john@example.org>"]],
    ["less the route", [["<@r.example:j+x@example.org>", "j@example.org"]], ["-<j+x@example.org>", "+<j@example.org>"]],
    ["brackets that lack", [["j+x@example.org", "j@example.org"]], ["-<j+x@example.org>", "+<j@example.org>"]],
    ["quotes as sent", [['<"j x"@example.org>', "j@example.org"]], ['-<"j x"@example.org>', "+<j@example.org>"]],
    ["quotes where needed", [["<j@example.org>", "j x@example.org"]], ["-<j@example.org>", '+<"j x"@example.org>']],
    [
      "a list is whole",
      [["<sales@example.org>", "john@example.org", "jane@example.org"]],
      ["-<sales@example.org>", "+<john@example.org>", "+<jane@example.org>"],
    ],
    ["a list that holds itself", [["<l@example.org>", "l@example.org", "j@example.org"]], ["+<j@example.org>"]],
    [
      "two that resolve to one mailbox",
      [
        ["<j+a@example.org>", "j@example.org"],
        ["<j+b@example.org>", "j@example.org"],
      ],
      ["-<j+a@example.org>", "-<j+b@example.org>", "+<j@example.org>"],
    ],
    [
      "the mailbox itself, and one that resolves to it",
      [
        ["<j@example.org>", "j@example.org"],
        ["<j+b@example.org>", "j@example.org"],
      ],
      ["-<j+b@example.org>"],
    ],
    [
      "a list and one of its members",
      [
        ["<sales@example.org>", "john@example.org", "jane@example.org"],
        ["<jane@example.org>", "jane@example.org"],
      ],
      ["-<sales@example.org>", "+<john@example.org>"],
    ],
    [
      "a swap leaves both",
      [
        ["<a@example.org>", "b@example.org"],
        ["<b@example.org>", "a@example.org"],
      ],
      [],
    ],
    [
      "a chain: deletions come before additions",
      [
        ["<a@example.org>", "b@example.org"],
        ["<b@example.org>", "c@example.org"],
      ],
      ["-<a@example.org>", "+<c@example.org>"],
    ],
    [
      "both spellings of one recipient",
      [
        ["<J+x@example.org>", "j@example.org"],
        ["<j+x@example.org>", "j@example.org"],
      ],
      ["-<J+x@example.org>", "-<j+x@example.org>", "+<j@example.org>"],
    ],
    [
      "one spelling twice",
      [
        ["<j+x@example.org>", "j@example.org"],
        ["<@r.example:j+x@example.org>", "j@example.org"],
      ],
      ["-<j+x@example.org>", "+<j@example.org>"],
    ],
    ["one that cannot be written stays", [["<j+x@example.org>", "j\n@example.org"]], []],
    ["a list of which one cannot be written stays", [["<l@example.org>", "j@example.org", "@example.org"]], []],
  ])("%s", (_what, recipients, modifications) => expect(shown(recipients)).toEqual(modifications));

  // Postfix has completed the domain, and deletes what it was given.
  test.each<[what: string, recipients: readonly Row[], modifications: readonly string[]]>([
    ["one", [["<j+x@example.org>", "j@example.org"]], ["-<j+x@example.org>", "-<j+x>", "+<j@example.org>"]],
    ["in quotes", [['<"a@b c"@example.org>', "j@example.org"]], ['-<"a@b c"@example.org>', '-<"a@b c">', "+<j@example.org>"]],
    [
      "one whose name another one has that stays",
      [
        ["<info@example.org>", "info@example.org"],
        ["<info@example.net>", "j@example.org"],
        ["<l@example.net>", "k@example.org"],
      ],
      ["-<info@example.net>", "-<l@example.net>", "-<l>", "+<j@example.org>", "+<k@example.org>"],
    ],
    [
      "two of one name that are both changed",
      [
        ["<info@example.org>", "j@example.org"],
        ["<info@example.net>", "k@example.org"],
      ],
      ["-<info@example.org>", "-<info@example.net>", "-<info>", "+<j@example.org>", "+<k@example.org>"],
    ],
    [
      "one whose name stays without a domain",
      [
        ["<j+x@example.org>", "j@example.org"],
        ["<j+x>", "j+x"],
      ],
      ["-<j+x@example.org>", "+<j@example.org>"],
    ],
  ])("of a program of the machine are deleted without their domain, too: %s", (_what, recipients, modifications) =>
    expect(shown(recipients, false, true)).toEqual(modifications));

  test("that cannot be changed are reported", () => {
    const bad = ["no domain", "john"].map((target) => accepted(["<j+x@example.org>", target]));
    expect(
      changesOfRecipients([...bad, accepted(["<a@example.org>", "a@example.org"])], { withParameters: true, isLocal: false }).unwritable,
    ).toEqual(bad);
  });

  test.each<[sent: string, parameters: string]>([
    ["<j+x@example.org> NOTIFY=NEVER", "NOTIFY=NEVER ORCPT=rfc822;j+2Bx@example.org"],
    ["<j+x@example.org> ORCPT=rfc822;first@b.example NOTIFY=SUCCESS,DELAY", "NOTIFY=SUCCESS,DELAY ORCPT=rfc822;first@b.example"],
    ['<"a b=c"@example.org> NOTIFY=FAILURE', 'NOTIFY=FAILURE ORCPT=rfc822;"a+20b+3Dc"@example.org'],
    ["<j+x@example.org> NOTIFY=a;b", "ORCPT=rfc822;j+2Bx@example.org"],
  ])("%s has %s", (sent, parameters) => expect(shown([[sent, "j@example.org"]], true)[1]).toBe(`+<j@example.org> ${parameters}`));

  test.each<[sent: string, parameters: string]>([
    ["<l@example.org> NOTIFY=SUCCESS,failure,DELAY", "NOTIFY=failure,DELAY ORCPT=rfc822;l@example.org"],
    ["<l@example.org> NOTIFY=success", "NOTIFY=NEVER ORCPT=rfc822;l@example.org"],
    ["<l@example.org> NOTIFY=NEVER", "NOTIFY=NEVER ORCPT=rfc822;l@example.org"],
    ["<l@example.org> ORCPT=rfc822;l@b.example", "ORCPT=rfc822;l@b.example"],
  ])("members of %s have %s: no report of success names them", (sent, parameters) =>
    expect(shown([[sent, "j@example.org", "k@example.org"]], true).slice(1)).toEqual([
      `+<j@example.org> ${parameters}`,
      `+<k@example.org> ${parameters}`,
    ]));

  // Sendmail that did not offer DSN to the client would add nobody.
  test("none where the client sent none", () => expect(shown([["<j+x@example.org>", "j@example.org"]], true)[1]).toBe("+<j@example.org>"));

  test("beyond ASCII have no ORCPT of ours", () =>
    expect(shown([["<j\u00c3\u00b6@example.org> NOTIFY=NEVER", "j@example.org"]], true)[1]).toBe("+<j@example.org> NOTIFY=NEVER"));

  test("any set ends as what it resolves to, each address once", () => {
    const address = fc.constantFrom(..."abcdefg").map((letter) => `${letter}@example.org`);
    const row = fc.tuple(address, fc.array(address, { minLength: 1, maxLength: 4 }));
    fc.assert(
      fc.property(fc.uniqueArray(row, { selector: ([sent]) => sent }), (rows) => {
        const { modifications } = changesOfRecipients(
          rows.map(([sent, resolved]) => accepted([`<${sent.toUpperCase()}>`, ...resolved])),
          { withParameters: false, isLocal: false },
        );
        const envelope = rows.map(([sent]) => `<${sent.toUpperCase()}>`);
        let hasAdded = false;
        for (const edit of modifications) {
          if (edit.kind === "deleteRecipient") {
            expect(hasAdded).toBe(false);
            const index = envelope.indexOf(edit.bytes);
            expect(index).toBeGreaterThanOrEqual(0);
            envelope.splice(index, 1);
          } else if (edit.kind === "addRecipient") {
            hasAdded = true;
            envelope.push(edit.path);
          }
        }
        const final = envelope.map((path) => canonicalAddress(parsePath(path).address));
        expect(final.sort()).toEqual([...new Set(rows.flatMap(([, resolved]) => resolved))].sort());
      }),
    );
  });
});

test.each([
  ["<a@b.example>", "a@b.example", undefined],
  ["<A@B.example>", "a@b.example", undefined],
  ["<>", "", undefined],
  ["<a@b.example>", "", "<>"],
  ["<a@b.example>", "x@c.example", "<x@c.example>"],
  ["<a@b.example>", "x y@c.example", '<"x y"@c.example>'],
  ["<a@b.example>", "@c.example", undefined],
])("the sender %s, rewritten to %j: %j", (sent, rewritten, path) =>
  expect(changeOfSender(parsePath(sent), rewritten)).toEqual(
    path === undefined ? undefined : { kind: "changeSender", path, parameters: [] },
  ));
