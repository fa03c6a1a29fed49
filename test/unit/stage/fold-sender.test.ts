import fc from "fast-check";
import { expect, test } from "vitest";
import { foldSender } from "../../../src/stage/fold-sender.ts";
import { runs } from "../../support/runs.ts";

test.each([
  ["", ""],
  ["john@example.net", "john@example.net"],
  ["john", "john"],
  ["john+tag@example.net", "john@example.net"],
  ["+tag@example.net", "+tag@example.net"],
  ["john2@example.net", "john#@example.net"],
  ["news-2026-11-22@example.net", "news-#@example.net"],
  ["deadbeef@example.net", "deadbeef@example.net"],
  ["0100018c7f3a1b2c-6f9e21aa-000000@ses.example", "#@ses.example"],
  ["bounce-4711abcd99-x@example.net", "bounce-#-x@example.net"],
  ["0103027fae815dc9-5f59ee9c-16aa-4b98-9195-c62d521c96ac-000000@eu.cloud.example", "#@eu.cloud.example"],
  ["0103027fae837f4d-fe46d166-2234-484e-cddf-14b8aeebda5f-000000@eu.cloud.example", "#@eu.cloud.example"],
  ["msg.5f59ee9c_16aa_4b98_9195_c62d521c96ac.bounce@example.net", "msg.#.bounce@example.net"],
  ["bounce-k3j5h2g9x@example.net", "bounce-#@example.net"],
  ["bounce-1axtnvkcqc2hnkdt@example.net", "bounce-#@example.net"],
  // Words of the first letters of the alphabet, and names with a year.
  ["ada.bea.dad@example.net", "ada.bea.dad@example.net"],
  ["ada-bea-dad-facade-decade@example.net", "ada-bea-dad-facade-decade@example.net"],
  ["facade1999@example.net", "facade#@example.net"],
  ["dade.fee-2@example.net", "dade.fee-#@example.net"],
  ["johndoe1980@example.net", "johndoe#@example.net"],
  ["johnathandoeexample1980@example.net", "johnathandoeexample#@example.net"],
  ["r2d2@example.net", "r#d#@example.net"],
  ["jürgen1980k@example.net", "jürgen#k@example.net"],
  // BATV
  ["prvs=0123abcdef=john@example.net", "john@example.net"],
  ["prvs=0123abcdef/john@example.net", "john@example.net"],
  ["prvs=john/0123abcdef@example.net", "john@example.net"],
  ["prvs=john=0123abcdef@example.net", "john@example.net"],
  ["btv1==123abc==john@example.net", "john@example.net"],
  ["msprvs1=19876abcxyz=bounces-12345-6@example.net", "bounces-#@example.net"],
  // SRS, forwarded once and twice
  ["srs0=hhh=tt=author.example=john@fwd.example", "srs0=#=#=author.example=john@fwd.example"],
  ["srs0=xyz=ab=author.example=john@fwd.example", "srs0=#=#=author.example=john@fwd.example"],
  ["srs0+xyz=ab=author.example=john@fwd.example", "srs0=#=#=author.example=john@fwd.example"],
  ["srs1=hhh=fwd.example==hhh=tt=author.example=john@next.example", "srs1=#=fwd.example==#=#=author.example=john@next.example"],
  // VERP
  ["list-bounces+user=example.org@lists.example", "list-bounces@lists.example"],
  ["list-return-77-user=example.org@lists.example", "list-return-#-=@lists.example"],
  ["list-return-78-other.user=sub.example.org@lists.example", "list-return-#-=@lists.example"],
  ["list-a=b-user=example.org@lists.example", "list-a=b-=@lists.example"],
  ["list-a=user=example.org@lists.example", "list-a==@lists.example"],
  ["user=example.org@lists.example", "=@lists.example"],
  ["=example.org@lists.example", "=example.org@lists.example"],
  ["list-=example.org@lists.example", "list-=example.org@lists.example"],
  ["list-user=example_org@lists.example", "list-user=example_org@lists.example"],
  ["a=b@example.net", "a=b@example.net"],
])("%s: %s", (sender, folded) => {
  expect(foldSender(sender)).toBe(folded);
});

const localOf = (...pieces: readonly string[]) =>
  fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 6 }).map((chosen) => chosen.join(""));
const pieces = ["prvs=01#3abcdef=", "srs0=a=b=c.example=", "+", "-", "=", "#", "ab#cd", "abcdef", "john", "x.example", "."];
const halves = ["prvs=abcdefabcd=", "=abcdefabcd", "prvs=", "msprvs1=q=", "btv1==a=", "srs0+", "srs1=a=f.example==b=c=d.example=", "_"];

// Who copies one from a list means that entry.
test("a folded sender folds to itself", () => {
  fc.assert(
    fc.property(localOf(...pieces, ...halves), fc.stringMatching(/^\d{2}$/), (text, digits) => {
      const folded = foldSender(`${text.replaceAll("#", digits)}@example.net`);
      expect(foldSender(folded)).toBe(folded);
    }),
    { numRuns: runs(2000) },
  );
});

test("senders that differ in numbers of the same length are one", () => {
  const number = fc.integer({ min: 10, max: 99 }).map(String);
  fc.assert(
    fc.property(localOf(...pieces), number, number, (text, one, other) => {
      const folded = (digits: string) => foldSender(`${text.replaceAll("#", digits)}@example.net`);
      expect(folded(one)).toBe(folded(other));
    }),
    { numRuns: runs(200) },
  );
});

const digits = (length: number) => fc.stringMatching(new RegExp(`^[0-9]{${length}}$`));
const hex = (length: number) => fc.stringMatching(new RegExp(`^[0-9a-f]{${length}}$`));
const shape = (...parts: readonly (string | fc.Arbitrary<string>)[]) =>
  fc.tuple(...parts.map((part) => (typeof part === "string" ? fc.constant(part) : part))).map((texts) => texts.join(""));

/** As providers number messages. A group of hexadecimal digits has no digit, or nothing but digits, now and then. */
const shapes: Readonly<Record<string, fc.Arbitrary<string>>> = {
  "sixteen digits, a UUID, a counter": shape(hex(16), "-", fc.uuid(), "-", digits(6), "@cloud.example"),
  "a UUID": shape("bounce.", fc.uuid(), "@mail.example"),
  "a UUID with underscores": shape(
    fc.uuid().map((id) => id.replaceAll("-", "_")),
    ".notify@mail.example",
  ),
  "a campaign and a member": shape("bounce-mc.us12_", digits(8), ".", digits(7), "@mail.example"),
  "a date and a time": shape("report-", digits(4), "-", digits(2), "-", digits(2), "_", digits(6), "@mail.example"),
  "thirty-two digits": shape("b-", hex(32), "@mail.example"),
  "groups of four": shape(hex(4), "-", hex(4), "-", hex(4), "-", hex(4), "-1a@mail.example"),
  "a tagged account": shape("bounces+", digits(7), "-", hex(4), "-user=example.org@mail.example"),
  VERP: shape("list-return-", digits(5), "-", fc.stringMatching(/^[a-z]{3,9}$/), "=example.org@lists.example"),
};

test.each(Object.entries(shapes))("%s: one key for all messages", (_name, senders) => {
  const keys = new Map<string, number>();
  for (const sender of fc.sample(senders, { numRuns: 1000, seed: 7 })) {
    const key = foldSender(sender);
    keys.set(key, (keys.get(key) ?? 0) + 1);
  }
  const most = Math.max(...keys.values());
  expect({ keys: keys.size, most }).toEqual({ keys: 1, most: 1000 });
});

test("different people stay apart, but for digits", () => {
  const first = ["ada", "bea", "dad", "abe", "ed", "fee", "john", "max", "jean-luc", "mary.ann", "facade", "decade", "o'neil", "jürgen"];
  const last = ["", "doe", "mueller", "abbe", "cabe", "becc", "decaf", "x", "van.der.berg"];
  const people = first.flatMap((name) => last.flatMap((other) => [".", "-", "_", ""].map((between) => `${name}${between}${other}`)));
  const distinct = [...new Set(people)];
  expect(new Set(distinct.map((local) => foldSender(`${local}@example.net`))).size).toBe(distinct.length);
});

/** Whoever connects chooses the sender; what takes the square of its length would not end within the time of a test. */
test.each(["a", "a=", "a-", "1a", "a.", "=a.", "+", "srs0="])("many %j are folded", (piece) => {
  const local = piece.repeat(200_000 / piece.length);
  expect(foldSender(`${local}x@example.net`).length).toBeLessThan(210_000);
  expect(foldSender(`prvs=${local}=x@example.net`).length).toBeLessThan(210_000);
});
