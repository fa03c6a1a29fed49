/**
 * What every directory answers about one small world: john@example.org with the alias j.doe@example.org, jane@example.org,
 * the list staff@example.org of both, and whatever nobody has in example.net for john.
 */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TemporaryError } from "../../src/answer/temporary-error.ts";
import type { Directory } from "../../src/stage/sources.ts";
import { runs } from "../support/runs.ts";
import { session } from "../support/session.ts";
import { rule, settings } from "../support/settings.ts";
import { sourcesOf } from "../support/sources.ts";
import { askMail } from "../support/stages.ts";

export interface Opened {
  readonly directory: Directory;
  close(): Promise<void>;
}

const mailbox = (primary: string) => ({ kind: "mailbox", primaries: [primary] });

const recipients: [address: string, found: object | undefined][] = [
  ["john@example.org", mailbox("john@example.org")],
  ["j.doe@example.org", mailbox("john@example.org")],
  ["jane@example.org", mailbox("jane@example.org")],
  ["staff@example.org", { kind: "list", members: ["jane@example.org", "john@example.org"] }],
  ["@example.net", mailbox("john@example.org")],
  ["@example.org", undefined],
  ["nobody@example.org", undefined],
  ["nobody@example.net", undefined],
  ["john@example.net", undefined],
  ["john", undefined],
  ["john+tag@example.org", undefined],
  ["joh_@example.org", undefined],
  ["%@example.org", undefined],
  ["x' OR 'x'='x@example.org", undefined],
  ["john@example.org\\", undefined],
  ["jürgen@example.org", undefined],
];

const domains: [domain: string, isLocal: boolean][] = [
  ["example.org", true],
  ["example.net", true],
  ["example.com", false],
  ["ample.org", false],
  ["sub.example.org", false],
  ["exampl_.org", false],
  ["%", false],
  ["org", false],
];

const words: [text: string, found: string[]][] = [
  ["john", ["john@example.org"]],
  ["example.org", ["jane@example.org", "john@example.org"]],
  ["nobody", []],
  ["joh", []],
  ["joh_", []],
  ["%%%%", []],
  ["staff", []],
];

const lists: [address: string, members: string[] | undefined][] = [
  ["staff@example.org", ["jane@example.org", "john@example.org"]],
  ["john@example.org", undefined],
  ["nobody@example.org", undefined],
];

/** Who may send as whom, with `session.auth.must-match-sender`. */
const senders: [login: string, sender: string, maySend: boolean][] = [
  ["john@example.org", "john@example.org", true],
  ["john@example.org", "j.doe@example.org", true],
  ["john@example.org", "john+tag@example.org", true],
  ["john@example.org", "j.doe+tag@example.org", true],
  ["john@example.org", "anybody@example.net", true],
  ["john@example.org", "", true],
  ["john@example.org", "jane@example.org", false],
  ["john@example.org", "staff@example.org", false],
  ["john@example.org", "nobody@example.org", false],
  ["john@example.org", "@example.org", false],
  ["john@example.org", "john@elsewhere.example", false],
  ["john@example.org", "john", false],
  ["j.doe@example.org", "john@example.org", true],
  ["jane@example.org", "jane@example.org", true],
  ["jane@example.org", "anybody@example.net", false],
  ["nobody@example.org", "nobody@example.org", false],
  ["nobody@example.org", "john@example.org", false],
  ["anybody@example.net", "john@example.org", false],
  ["staff@example.org", "john@example.org", false],
  ["nobody", "john@example.org", false],
];

/** Where accounts have names that are not addresses. */
const namedSenders: typeof senders = [
  ["john", "j.doe@example.org", true],
  ["john", "jane@example.org", false],
  ["John", "john@example.org", true],
];

interface Abilities {
  /** A login may be the name `john` of the account. */
  readonly hasNames?: boolean;
  /** It knows which addresses there are and nothing more of them: where they lead, who is on a list, what is like a word. */
  readonly onlyAddresses?: boolean;
}

export function directoryContract(
  name: string,
  open: () => Promise<Opened>,
  { hasNames = false, onlyAddresses = false }: Abilities = {},
): void {
  const foundAs = (address: string, found: object | undefined) =>
    onlyAddresses && found !== undefined ? (address.startsWith("@") ? undefined : mailbox(address)) : found;
  const sends = [...senders, ...(hasNames ? namedSenders : [])];

  describe(`directory: ${name}`, () => {
    let opened: Opened;
    beforeAll(async () => {
      opened = await open();
    });
    afterAll(() => opened.close());

    it.each(recipients)("recipient %s", async (address, found) => {
      const recipient = await opened.directory.recipient(address);
      expect(recipient?.kind === "list" ? { ...recipient, members: recipient.members.toSorted() } : recipient).toEqual(
        foundAs(address, found),
      );
    });

    it.each(domains)("domain %s: %s", async (domain, isLocal) => {
      expect(await opened.directory.isLocalDomain(domain)).toBe(isLocal);
    });

    it.each(words)("VRFY %s", async (text, found) => {
      expect(await opened.directory.verify(text)).toEqual(onlyAddresses ? [] : found);
    });

    it.each(lists)("EXPN %s", async (address, members) => {
      expect((await opened.directory.expand(address))?.toSorted()).toEqual(onlyAddresses ? undefined : members);
    });

    it.each(onlyAddresses ? [] : sends)("%s sends as <%s>: %s", async (login, sender, maySend) => {
      const core = { settings: settings({ auth: { mustMatchSender: rule("true") } }), sources: sourcesOf([opened.directory]) };
      const { verdict } = await askMail(session({ login }), sender, core);
      expect(verdict.reason).toBe(maySend ? "pass" : "sender-not-owned");
    });

    it("says whether it waits", async () => {
      const { directory } = opened;
      const answers = [directory.recipient("john@example.org"), directory.isLocalDomain("example.org"), directory.verify("john")];
      if (!directory.waits) expect(answers.some((answer) => answer instanceof Promise)).toBe(false);
      await Promise.all(answers);
    });

    it("finds nobody by what an address has besides its letters", async () => {
      const special = fc.constantFrom(
        "'",
        '"',
        "\\",
        "%",
        "_",
        "`",
        ";",
        "--",
        "#",
        "/*",
        "*/",
        "$1",
        "?",
        "\0",
        "\n",
        " ",
        "(",
        ")",
        "OR 1=1",
        "ü",
        "日",
        "🙂",
      );
      const around = fc.array(special, { minLength: 1, maxLength: 4 }).map((parts) => parts.join(""));
      const address = fc.oneof(
        fc.tuple(fc.constantFrom("john", "jane", "staff", "", "j"), around).map(([name, odd]) => `${name}${odd}@example.org`),
        fc.tuple(around, fc.constantFrom("john", "jane", "staff")).map(([odd, name]) => `${odd}${name}@example.org`),
      );
      await fc.assert(
        fc.asyncProperty(address, async (text) => {
          const found = await Promise.resolve(opened.directory.recipient(text)).catch((error: unknown) => error);
          if (!(found instanceof TemporaryError)) expect(found).toBeUndefined();
        }),
        { numRuns: runs(20) },
      );
    });

    it("answers many at once", async () => {
      const found = await Promise.all(Array.from({ length: 200 }, (_, index) => opened.directory.recipient(`user${index}@example.org`)));
      expect(found).toEqual(found.map(() => undefined));
    });
  });
}
