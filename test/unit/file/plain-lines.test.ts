/** Plain lines are taken where they are, without a text of each, and must come to the same as if they were taken apart. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FileDirectory } from "../../../src/directory/file.ts";
import { Files } from "../../../src/file/files.ts";
import { takeLines } from "../../../src/file/plain-lines.ts";
import { FileLookup } from "../../../src/lookup/file.ts";
import { isPlain } from "../../../src/mail/address.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "postern-plain-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** Such as comes to the edges of what is plain. */
const part = fc.oneof(
  fc.emailAddress().map((address) => address.toLowerCase()),
  fc.domain(),
  fc.string({ unit: fc.constantFrom(..."az09._+=-@@A *?#\r\t\u2028\u00fc"), maxLength: 6 }),
);

const withoutCr = (line: string) => line.replace(/\r$/, "");

/** With the CR of its end. */
const lineAt = (octets: Buffer, start: number, end: number) => octets.toString("utf8", start, octets[end] === 0x0d ? end + 1 : end);

test("lines are taken whole and in their order, those that are plain where they are", () => {
  let plainLines = 0;
  fc.assert(
    fc.property(fc.array(part, { maxLength: 20 }), fc.boolean(), (lines, endsLine) => {
      const text = lines.join("\n") + (endsLine ? "\n" : "");
      const taken: (readonly [number: number, line: string, isPlain: boolean])[] = [];
      const take = (number: number, line: string, plain: boolean) => {
        taken.push([number, line, plain]);
        return plain ? 2 : 1;
      };
      const entries = takeLines(Buffer.from(text), {
        plain: (octets, start, end, number) => take(number, lineAt(octets, start, end), true),
        other: (line, number) => take(number, line, false),
      });
      expect(entries).toBe(taken.reduce((sum, [, , plain]) => sum + (plain ? 2 : 1), 0));
      const expected = text.split("\n").map((line, index) => [index + 1, line, isPlain(withoutCr(line))] as const);
      // The last line end begins none.
      expect(taken).toEqual(expected.at(-1)?.[1] === "" ? expected.slice(0, -1) : expected);
      plainLines += taken.filter(([, , plain]) => plain).length;
    }),
    { numRuns: 500 },
  );
  expect(plainLines).toBeGreaterThan(500);
});

const files = () => new Files(Date.now, () => {});
let names = 0;

/** Each time in a file of its own, since one that changes is read a second later. */
async function write(lines: readonly string[]): Promise<string> {
  names += 1;
  const path = join(folder, `list${names}`);
  await writeFile(path, lines.map((line) => `${line}\n`).join(""));
  return path;
}

test("a list is the same where no line of it is plain", async () => {
  const key = part.filter((text) => /^[^\s#\u2028]+$/.test(text));
  await fc.assert(
    fc.asyncProperty(fc.array(key, { minLength: 1, maxLength: 20 }), fc.boolean(), async (keys, caseSensitive) => {
      const open = async (lines: readonly string[]) => {
        const list = new FileLookup({ type: "file", name: "list", path: await write(lines), caseSensitive, isAskedByMta: false }, files());
        await list.refresh();
        return list;
      };
      const [list, same] = [await open(keys), await open(keys.map((each) => `${each} # not plain`))];
      const asked = [...keys, ...keys.map((each) => each.toUpperCase()), "a", "az.example"];
      expect(asked.map((each) => list.get(each))).toEqual(asked.map((each) => same.get(each)));
    }),
    { numRuns: 30 },
  );
});

test("a table of addresses is the same where no line of it is plain", async () => {
  const address = fc.oneof(
    fc.emailAddress(),
    fc.domain().map((domain) => `@${domain}`),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(address, { minLength: 1, maxLength: 20 }), async (all) => {
      const open = async (lines: readonly string[]) => {
        const none = { virtual: [], aliases: [], aliasesDomain: undefined, mailboxes: [], domains: [] };
        const directory = new FileDirectory({ type: "file", name: "people", ...none, addresses: [await write(lines)] }, files());
        await directory.refresh();
        return directory;
      };
      // All of the others may be comments, and a table without entries is not taken.
      const first = "first@example.org";
      const [table, same] = [await open(["# all", "", first, ...all]), await open([first, ...all].map((each) => ` ${each}`))];
      const asked = all.flatMap((each) => [each.toLowerCase(), `nobody${each.slice(each.lastIndexOf("@")).toLowerCase()}`]);
      expect(asked.map((each) => table.recipient(each))).toEqual(asked.map((each) => same.recipient(each)));
      const domains = asked.map((each) => each.slice(each.lastIndexOf("@") + 1));
      expect(domains.map((each) => table.isLocalDomain(each))).toEqual(domains.map((each) => same.isLocalDomain(each)));
    }),
    { numRuns: 30 },
  );
});

test("a line that is plain and no address is named by its number", async () => {
  const path = await write(["john@example.org", "# comment", "nobody", "jane@example.org"]);
  const none = { virtual: [], aliases: [], aliasesDomain: undefined, mailboxes: [], domains: [] };
  const directory = new FileDirectory({ type: "file", name: "people", ...none, addresses: [path] }, files());
  await expect(directory.refresh()).rejects.toThrow(`${path}:3: "nobody" is not an address.`);
});
