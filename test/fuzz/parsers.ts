/** Everything that reads text which others have written: what it is given, and what it may answer. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { importedTriplet } from "../../src/cli/imported-entry.ts";
import { parseConfiguration } from "../../src/config/load.ts";
import { parseMysqlUrl, parsePostgresqlUrl } from "../../src/config/schema/database-url.ts";
import { logLine } from "../../src/daemon/log.ts";
import { parseAliases } from "../../src/directory/aliases.ts";
import { tableParsers } from "../../src/directory/file.ts";
import { parseMailboxes, parseVirtual } from "../../src/directory/virtual.ts";
import { compileExpression } from "../../src/expr/compile.ts";
import { ExpressionError } from "../../src/expr/expression.ts";
import { logicalLines } from "../../src/file/logical-line.ts";
import { parseExemptClients } from "../../src/lookup/exempt-clients.ts";
import { parseExemptRecipients } from "../../src/lookup/exempt-recipients.ts";
import { parseList } from "../../src/lookup/file.ts";
import { codePointsOf, matchGlob, parseGlob } from "../../src/lookup/glob.ts";
import { MemoryLookup } from "../../src/lookup/memory.ts";
import { canonicalAddress, formatAddress, isAddress, parseAddress } from "../../src/mail/address.ts";
import { parseAddressList } from "../../src/mail/address-list.ts";
import { canonicalDomain } from "../../src/mail/domain.ts";
import { canonicalIp, ipVersion, isIpInCidr, isNetwork, networkOf, reverseName } from "../../src/mail/ip.ts";
import { formatPath, parsePath } from "../../src/mail/path.ts";
import { parseReply } from "../../src/mail/reply.ts";
import { compileScript } from "../../src/sieve/compile/compile-scripts.ts";
import { hasControls } from "../../src/text/controls.ts";
import { compilePattern, PatternError } from "../../src/text/pattern.ts";
import { vocabulary } from "../support/expression-world.ts";
import { vocabularyOf } from "../support/script-world.ts";
import { greylist } from "../support/settings.ts";

const root = join(import.meta.dirname, "../..");
const filesOf = (folder: string, ending: string) =>
  readdirSync(join(root, folder))
    .filter((file) => file.endsWith(ending))
    .map((file) => readFileSync(join(root, folder, file), "utf8"));

export interface Parser {
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

export const parsers: Readonly<Record<string, Parser>> = {
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
    samples: [...filesOf("contrib/examples", ".toml"), ...filesOf("test/golden/bad-configs", ".toml")],
    share: 20,
  },
  "a configuration in JSON": {
    folder: "/src/config/",
    parse: (text) => parseConfiguration(text, "postern.json", () => ""),
    samples: [...filesOf("contrib/examples", ".json"), ...filesOf("test/golden/bad-configs", ".json")],
    share: 20,
  },
  "the URL of a database": {
    folder: "/src/",
    parse: (text) => [parsePostgresqlUrl(text), parseMysqlUrl(text)],
    samples: [
      "postgresql://u%40x:p%2Fw@[::1]:5433/m%20l?sslmode=verify-full&options=-csearch_path%3Dx",
      "postgres:///?host=/run/postgresql&port=5433&dbname=mail&user=u&password=p",
      "postgresql://db.example.org/mail?ssl-mode=require&sslrootcert=x",
      "mysql://u%40x:p%2Fw@[::1]:3307/m%20l?ssl-mode=VERIFY_CA&socket=/run/mysqld/mysqld.sock",
    ],
  },
  "a list of addresses": {
    folder: "/src/mail/",
    parse: parseAddressList,
    samples: [
      'J. R. Doe <a@x.example>, "Doe, J." (at (work)) <@r.example:b@x.example> c@x.example',
      'team: a@x.example, B <b@x.example>;, "q \\" d"@[192.0.2.1]',
    ],
  },
  "a list": {
    folder: "/src/lookup/",
    parse: (text) => new MemoryLookup(parseList(text, false, nothing)).get("a@mx.example.org"),
    samples: [
      'a@b.example true # a\n*.example.org 5\n"q uoted"@x.example  v w\nDOMAIN\\user\nbücher.* -1.5\n*@*.example\n192.0.2.0/24 x\n',
    ],
  },
  "a list of recipients": {
    folder: "/src/directory/",
    parse: (text) => tableParsers("example.org").addresses(text, nothing),
    samples: ['# all\nA@v.example\n  Ann <b@V.example>\n@catch.example\n*@v.example\n"q uoted"@v.example\n'],
  },
  "a line of the log": {
    folder: "/src/",
    parse(text) {
      const json = JSON.stringify({ level: "warn", time: text, msg: text, [text]: text, deep: { [text]: [text] } });
      for (const format of ["json", "text"] as const) {
        const line = logLine(json, format, "journal");
        if (hasControls(line)) throw new Error(`acts: ${JSON.stringify(line)}`);
      }
    },
    samples: ['\u001b[31mred\u202e gnp \u0085=" \\n', "john@example.org", '{"level":"error"}'],
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

function globbed(text: string): boolean {
  const glob = parseGlob(text);
  return typeof glob === "object" && matchGlob(glob, codePointsOf("mx.example.org"));
}
