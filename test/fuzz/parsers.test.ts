/** Whatever a parser is given, it comes to a value or to the error that it documents, with work that grows as the text does. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readPostgrey } from "../../src/cli/import-postgrey.ts";
import { importedTriplet } from "../../src/cli/imported-entry.ts";
import { parseConfiguration } from "../../src/config/load.ts";
import { parseAliases } from "../../src/directory/aliases.ts";
import { parseMailboxes, parseVirtual } from "../../src/directory/virtual.ts";
import { compileExpression } from "../../src/expr/compile.ts";
import { ExpressionError } from "../../src/expr/expression.ts";
import { logicalLines } from "../../src/file/logical-line.ts";
import { parseExemptClients } from "../../src/lookup/exempt-clients.ts";
import { parseExemptRecipients } from "../../src/lookup/exempt-recipients.ts";
import { codePointsOf, matchGlob, parseGlob } from "../../src/lookup/glob.ts";
import { canonicalAddress, formatAddress, isAddress, parseAddress } from "../../src/mail/address.ts";
import { canonicalDomain } from "../../src/mail/domain.ts";
import { canonicalIp, ipVersion, isIpInCidr, isNetwork, networkOf, reverseName } from "../../src/mail/ip.ts";
import { formatPath, parsePath } from "../../src/mail/path.ts";
import { parseReply } from "../../src/mail/reply.ts";
import { compileScript } from "../../src/sieve/compile/compile-scripts.ts";
import { compilePattern, PatternError } from "../../src/text/pattern.ts";
import { workOf } from "../support/count-work.ts";
import { vocabulary } from "../support/expression-world.ts";
import { hostileText, pumped } from "../support/hostile.ts";
import { runs } from "../support/runs.ts";
import { vocabularyOf } from "../support/script-world.ts";
import { greylist } from "../support/settings.ts";

const root = join(import.meta.dirname, "../..");
const filesOf = (folder: string, ending: string) =>
  readdirSync(join(root, folder))
    .filter((file) => file.endsWith(ending))
    .map((file) => readFileSync(join(root, folder, file), "utf8"));

interface Parser {
  /** Where its work is counted. */
  readonly folder: string;
  readonly parse: (text: string) => unknown;
  readonly samples: readonly string[];
  /** What it may throw. */
  readonly error?: new (
    ...parameters: never
  ) => Error;
  /** In a thousand of what the others get, for those that take longer. */
  readonly share?: number;
}

const addresses = [
  "john@example.org",
  '"a b"@example.org',
  "<@a.example,@b.example:john@example.org>",
  "ü@bücher.example",
  "a@[IPv6:2001:db8::1]",
  "a@[192.0.2.1]",
  '"\\"@\\\\"@x.example',
  "@example.org",
  "postmaster",
];
const networks = ["192.0.2.1", "2001:db8::1/64", "::ffff:192.0.2.1", "192.0.2.0/24", "fe80::1%eth0", "IPv6:::1", "0.0.0.0/0"];
const nothing = () => undefined;
const scripts = vocabularyOf();

const parsers: Readonly<Record<string, Parser>> = {
  "a path": { folder: "/src/mail/", parse: parsePath, samples: addresses },
  "an address": {
    folder: "/src/mail/",
    parse: (text) => [parseAddress(text), isAddress(text), formatAddress(text), formatPath(text)],
    samples: addresses,
  },
  "a canonical address": { folder: "/src/mail/", parse: canonicalAddress, samples: addresses },
  "a domain": {
    folder: "/src/mail/",
    parse: canonicalDomain,
    samples: ["example.org", "bücher.example", "xn--bcher-kva.example", "用户.example.", "ﬁ。example"],
  },
  "an IP address": {
    folder: "/src/mail/",
    parse: (text) => [canonicalIp(text), ipVersion(text), reverseName(text), networkOf(text, 24, 64)],
    samples: networks,
  },
  "a network": {
    folder: "/src/mail/",
    parse: (text) => [isNetwork(text), isIpInCidr("192.0.2.1", text), isIpInCidr(text, text)],
    samples: networks,
  },
  "a reply": { folder: "/src/mail/", parse: parseReply, samples: ["550 5.1.1 gone", "421 closing", "550-5.7.1 a\r\n550 5.7.1 b"] },
  "a pattern": {
    folder: "/src/text/",
    parse: (text) => compilePattern(text.slice(0, 500)),
    error: PatternError,
    samples: ["^(\\w+)@(?:[a-z.]+)$", "(?i)\\bx{2,5}[^\\p{L}]*?$", "a|b|(c)"],
    share: 100,
  },
  "a glob": { folder: "/src/lookup/", parse: globbed, samples: ["*.example.org", "a?c\\*", "**?*"] },
  "an expression": {
    folder: "/src/expr/",
    parse: (text) => compileExpression(text, vocabulary),
    error: ExpressionError,
    samples: [
      "if_then(is_local_domain('', rcpt_domain) && matches('^(.+)@', rcpt), $1 + '@x', rcpt)",
      "key_get('', sender) == 'a' || !(1 + 2 * 3 > 4)",
      "['a', 'b'][0]",
    ],
  },
  "a script": {
    folder: "/src/sieve/",
    parse: (text) => compileScript("main", text, scripts),
    samples: filesOf("contrib/sieve", ".sieve"),
    share: 100,
  },
  "a configuration in TOML": {
    folder: "/src/config/",
    parse: (text) => parseConfiguration(text, "postern.toml", () => ""),
    samples: filesOf("contrib/examples", ".toml"),
    share: 20,
  },
  "a configuration in JSON": {
    folder: "/src/config/",
    parse: (text) => parseConfiguration(text, "postern.json", () => ""),
    samples: filesOf("contrib/examples", ".json"),
    share: 20,
  },
  "a virtual table": {
    folder: "/src/directory/",
    parse: (text) =>
      [...logicalLines(text)].map((line) => [parseVirtual(line, "example.org", nothing), parseMailboxes(line, undefined, nothing)]),
    samples: ["# a\nexample.com  x\ninfo@example.com john@example.org,\n  jane@example.org\n@old.example @new.example\n"],
  },
  "a triplet of another greylist": {
    folder: "/src/",
    parse: (text) => importedTriplet({ client: text, sender: text, recipient: text }, greylist()),
    samples: [...addresses, ...networks, "192.0.2"],
  },
  aliases: {
    folder: "/src/directory/",
    parse: (text) => [...logicalLines(text)].map((line) => parseAliases(line, "example.org", nothing)),
    samples: ['postmaster: root\nlist: a, "b c"@example.org,\n\t\\d, |"/bin/x y", :include:/etc/x\n'],
  },
  "exempt clients": {
    folder: "/src/lookup/",
    parse: (text) => parseExemptClients(text, nothing)("192.0.2.1", "mx.example.org"),
    samples: ["# a\n192.0.2.0/24\nexample.org\n/^mx\\d+\\./\n2001:db8::\n192.0.2"],
  },
  "exempt recipients": {
    folder: "/src/lookup/",
    parse: (text) => parseExemptRecipients(text, nothing)("john@example.org"),
    samples: ["postmaster@\njohn@example.org\nexample.org\n/^x/\n"],
  },
};

test("an export of postgrey is read, or skipped row by row", async () => {
  const scratch = mkdtempSync(join(tmpdir(), "postern-fuzz-"));
  const file = join(scratch, "dump");
  const dump =
    "VERSION=3\nformat=print\ntype=btree\nHEADER=END\n 192.0.2.0/a@b.example/c@d.example\n 1700000000,1700001000\n 192.0.2.1\n 5,1700001000\nDATA=END\n";
  await fc.assert(
    fc.asyncProperty(hostileText([dump, dump.replace("/a@", "/\\c3\\bc@")]), async (text) => {
      writeFileSync(file, text);
      for await (const entry of readPostgrey([file], greylist(), 0, nothing)) expect(entry.expires).toBeGreaterThanOrEqual(0);
    }),
    { numRuns: runs(20) },
  );
  rmSync(scratch, { recursive: true });
});

function globbed(text: string): boolean {
  const glob = parseGlob(text);
  return typeof glob === "object" && matchGlob(glob, codePointsOf("mx.example.org"));
}

describe.each(Object.entries(parsers))("%s", (_, { folder, parse, samples, error, share = 1000 }) => {
  test("is a value or the documented error", () => {
    const parsed = (text: string) => {
      try {
        return { value: parse(text) };
      } catch (thrown) {
        if (error === undefined || !(thrown instanceof error)) throw thrown;
        return { error: thrown.message };
      }
    };
    fc.assert(
      fc.property(hostileText(samples), (text) => {
        parsed(text);
      }),
      { numRuns: runs(share) },
    );
  });

  test("takes work in proportion to its length", async () => {
    const quiet = (text: string) => {
      try {
        parse(text);
      } catch {
        // That it is the documented error is said above.
      }
    };
    for (const pump of fc.sample(pumped(samples), runs(3))) {
      const [less, more] = [pump(200), pump(1600)];
      const work = await workOf(folder, () => quiet(less));
      // A square would be 64 times as much. V8 loses a few counts when it throws away code.
      expect(await workOf(folder, () => quiet(more)), less.slice(0, 300)).toBeLessThan(16 * work + 5000);
    }
  });
});
