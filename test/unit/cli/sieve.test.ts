// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of Sieve are written so.
/** `postern sieve` as an administrator runs it, and what `check` and `explain` say of scripts. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { checkCommand } from "../../../src/cli/check.ts";
import { explainCommand } from "../../../src/cli/explain.ts";
import { sieveCommand } from "../../../src/cli/sieve.ts";

const folder = mkdtempSync(join(tmpdir(), "postern-sieve-"));
const commands = { sieve: sieveCommand, check: checkCommand, explain: explainCommand };

const config = `[listener.smtp]
protocol = "milter"
bind = ["127.0.0.1:10040"]
[store.made]
type = "sqlite"
path = "made.sqlite"
timeout = "1m"
[storage]
data = "made"
[directory.local]
type = "memory"
principals = [ { name = "jane", email = ["jane@example.org"] } ]
[lookup.blocked]
"*.spammer.example" = true
[session.ehlo]
script = "'Names'"
[session.rcpt]
script = "'moved'"
[sieve.trusted.scripts.names]
contents = '''
require ["variables", "extlists", "reject"];
if string :list "\${env.helo_domain}" "blocked" { reject "551 5.1.1 Blocked."; }
'''
[sieve.trusted.scripts.moved]
file = "moved.sieve"
`;

const moved = `require ["variables", "envelope"];
if envelope :localpart "to" "old" {
  set "envelope.to" "jane@example.org";
}
`;

beforeAll(() => {
  writeFileSync(join(folder, "postern.toml"), config);
  writeFileSync(join(folder, "moved.sieve"), moved);
  new DatabaseSync(join(folder, "made.sqlite")).close();
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The status, and both outputs without the name of the folder. */
async function postern(command: keyof typeof commands, ...args: readonly string[]): Promise<{ status: number; out: string; err: string }> {
  const [out, err] = [vi.spyOn(process.stdout, "write"), vi.spyOn(process.stderr, "write")];
  for (const spy of [out, err]) spy.mockReturnValue(true);
  const text = ({ mock }: typeof out) =>
    mock.calls
      .map(([chunk]) => String(chunk))
      .join("")
      .replaceAll(`${folder}/`, "");
  try {
    await commands[command]().parseAsync([...args, "--state-directory", join(folder, "state")], { from: "user" });
    return { status: Number(process.exitCode ?? 0), out: text(out), err: text(err) };
  } finally {
    process.exitCode = undefined;
    for (const spy of [out, err]) spy.mockRestore();
  }
}

/** A file of that text. */
function scriptFile(text: string): string {
  const file = join(folder, "script.sieve");
  writeFileSync(file, text);
  return file;
}

const configured = ["-c", join(folder, "postern.toml")];

describe("sieve", () => {
  test.each<[args: string[], lines: string[]]>([
    [
      ["MOVED", "--to", "old@example.org"],
      ["outcome: accept", 'envelope.to = "jane@example.org"'],
    ],
    [["moved", "--to", "new@example.org"], ["outcome: accept"]],
    [
      ["moved", "--set", "envelope.to=old@example.org"],
      ["outcome: accept", 'envelope.to = "jane@example.org"'],
    ],
    [["moved", "--stage", "mail", "--to", "old@example.org"], ["outcome: accept"]],
    [["names", "--stage", "ehlo", "--helo", "MX.Spammer.example"], ["outcome: reject 551 5.1.1 Blocked."]],
    [["names", "--set", "env.helo_domain=mx.spammer.example"], ["outcome: reject 551 5.1.1 Blocked."]],
    [["names", "--set", "env.helo_domain=spammer.example"], ["outcome: accept"]],
  ])("%j", async (args, lines) => {
    const { status, out } = await postern("sieve", ...args, ...configured);
    expect(out.split("\n").filter((line) => line !== "" && !line.startsWith("  "))).toEqual(lines);
    expect(status).toBe(0);
  });

  test("prints each step", async () => {
    const { out } = await postern("sieve", "moved", "--to", "old@example.org", ...configured);
    expect(out).toContain("  moved:2: envelope: true\n");
    expect(out).toContain("  moved:3: set: jane@example.org\n");
  });

  test.each([
    ["discard;", "outcome: discard"],
    ['reject "422 4.2.2 Later.";', "outcome: reject 422 4.2.2 Later."],
    ['reject "No.";', "outcome: reject 550 5.7.1 No."],
    [
      'if envelope "from" "a@b.example" { reject "${env.remote_ip} ${env.authenticated_as}"; }',
      "outcome: reject 550 5.7.1 203.0.113.9 john",
    ],
    ['if string "${envelope.ret} ${envelope.notify}" "FULL NEVER" { discard; }', "outcome: discard"],
    ['include "names"; keep;', "outcome: accept"],
  ])("a file: %s", async (text, outcome) => {
    const session = [
      "--client",
      "203.0.113.9",
      "--auth",
      "john",
      "--from",
      "a@b.example",
      "--mail-arg",
      "RET=FULL",
      "--rcpt-arg",
      "NOTIFY=NEVER",
    ];
    const { status, out } = await postern("sieve", scriptFile(text), ...session, ...configured);
    expect(out.split("\n")[0]).toBe(outcome);
    expect(status).toBe(0);
  });

  test("--json", async () => {
    const { out } = await postern("sieve", "moved", "--to", "old@example.org", "--json", ...configured);
    expect(JSON.parse(out)).toMatchObject({
      outcome: "accept",
      changes: [{ part: "to", value: "jane@example.org" }],
      trace: expect.arrayContaining([{ script: "moved", line: 3, what: "set", answer: "jane@example.org" }]),
    });
    const rejected = await postern("sieve", "names", "--set", "env.helo_domain=a.spammer.example", "--json", ...configured);
    expect(JSON.parse(rejected.out)).toMatchObject({ outcome: "reject", reply: "551 5.1.1 Blocked.", changes: [] });
  });

  test("addresses may be in brackets, as logs have them", async () => {
    const script = scriptFile('set "x" "${envelope.from}|${envelope.to}";');
    const given = await postern("sieve", script, "--from", "<>", "--to", "<John@example.org>", ...configured);
    expect(given.out).toContain(":1: set: |john@example.org\n");
    const set = await postern("sieve", script, "--set", "envelope.from=<>", "--set", "envelope.to=<John@example.org>", ...configured);
    expect(set.out).toContain(":1: set: |john@example.org\n");
  });

  test("what a stranger wrote keeps to its line", async () => {
    const { out } = await postern(
      "sieve",
      scriptFile('set "x" "${envelope.from}";'),
      "--set",
      "envelope.from=a\nb@c.example",
      ...configured,
    );
    expect(out).toContain(":1: set: a b@c.example\n");
  });

  test("a fault is reported with its place", async () => {
    const { status, out } = await postern("sieve", scriptFile('keep;\nquery "SELECT 1 FROM nosuch";'), ...configured);
    expect(out).toMatch(/^outcome: accept\nstopped at script\.sieve:2:\d+: /);
    expect(status).toBe(0);
  });

  test("what does not compile is reported with line and column", async () => {
    const { status, out, err } = await postern("sieve", scriptFile('keep;\nif enveloppe "from" "x" { stop; }\nkep;'), ...configured);
    expect(err).toBe(
      'script.sieve:2:4: unknown test "enveloppe". Did you mean "envelope"?\nscript.sieve:3:1: unknown command "kep". Did you mean "keep"?\n',
    );
    expect([status, out]).toEqual([1, ""]);
  });

  test("a file that is no script", async () => {
    expect(await postern("sieve", folder)).toMatchObject({ status: 2, out: "", err: expect.stringContaining("is a folder: name a file") });
    const latin1 = join(folder, "latin-1.sieve");
    writeFileSync(latin1, 'reject "\xe9t\xe9";', "latin1");
    expect(await postern("sieve", latin1)).toEqual({ status: 2, out: "", err: "latin-1.sieve is not text in UTF-8. Convert it.\n" });
    expect(await postern("sieve", scriptFile("\ufeffkeep;"))).toMatchObject({ status: 0, err: "" });
  });

  test("what a file includes is what the configuration has: nothing that is inactive", async () => {
    const file = join(folder, "inactive.toml");
    writeFileSync(
      file,
      `${config.replace("'Names'", "''")}is-active = true\n[sieve.trusted.scripts.old]\ncontents = "stop;"\nis-active = false\n`,
    );
    const included = async (name: string) => (await postern("sieve", scriptFile(`include "${name}";`), "-c", file)).err;
    expect(await included("moved")).not.toContain("there is no script");
    expect(await included("old")).toContain('there is no script "old"');
  });

  test("there is none of that name", async () => {
    expect(await postern("sieve", "moves", ...configured)).toEqual({
      status: 2,
      out: "",
      err: 'No script or file named "moves". Did you mean "moved"?\n',
    });
  });

  test.each([
    ["env.helo_domian=x", 'There is no environment item "helo_domian". Did you mean "helo_domain"?'],
    ["env.x=y", 'There is no environment item "x". Known are listener, remote_ip, '],
    ["envelope.form=x", 'There is no part "form"'],
    ["helo_domain=x", "Write env.NAME=VALUE or envelope.PART=VALUE."],
  ])("--set %s", async (text, message) => {
    const command = sieveCommand()
      .exitOverride()
      .configureOutput({ writeErr: () => {} });
    await expect(command.parseAsync(["moved", "--set", text], { from: "user" })).rejects.toThrow(message);
  });
});

describe("other commands", () => {
  test("explain computes what SQL writes, and asks what it only reads", async () => {
    const made = new DatabaseSync(join(folder, "made.sqlite"));
    made.exec("CREATE TABLE seen (addr TEXT)");
    writeFileSync(
      join(folder, "moved.sieve"),
      `require ["vnd.stalwart.execute", "reject"];
if query "/* seen? */ SELECT 1 FROM seen" { stop; }
query "WITH new AS (SELECT 'x') INSERT INTO seen SELECT * FROM new";
reject "550 5.7.1 Not seen.";
`,
    );
    const session = ["--client", "203.0.113.9", "--helo", "mx.a.example", "--from", "a@b.example", "--to", "old@example.org"];
    const { out, err } = await postern("explain", ...session, ...configured);
    writeFileSync(join(folder, "moved.sieve"), moved);
    expect(out).toContain("  → 550 5.7.1 Not seen. (script)\n");
    expect([err, out.includes("stopped")]).toEqual(["", false]);
    expect(made.prepare("SELECT count(*) AS count FROM seen").get()).toEqual({ count: 0 });
    made.close();
  });

  test("explain shows the steps of a script, and where the recipient goes", async () => {
    const session = ["--client", "203.0.113.9", "--helo", "mx.a.example", "--from", "a@b.example", "--to", "old@example.org"];
    const { out } = await postern("explain", ...session, ...configured);
    expect(out).toContain("  script names: line 2: string: false\n");
    expect(out).toContain("  script moved: line 3: set: jane@example.org\n");
    expect(out).toContain("  goes to: jane@example.org\n");
  });

  test("explain shows the sender that a script at RCPT changes", async () => {
    writeFileSync(join(folder, "moved.sieve"), 'set "envelope.from" "";');
    const session = ["--client", "203.0.113.9", "--helo", "mx.a.example", "--from", "a@b.example", "--to", "jane@example.org"];
    const { out } = await postern("explain", ...session, ...configured);
    const json = await postern("explain", "--json", ...session, ...configured);
    writeFileSync(join(folder, "moved.sieve"), moved);
    expect(out).toContain("  sender: <>\n  goes to: jane@example.org\n");
    expect(JSON.parse(json.out).steps.at(-1)).toMatchObject({ stage: "rcpt", sender: "", resolved: ["jane@example.org"] });
  });

  test("check reports what is wrong in the file of a script", async () => {
    writeFileSync(join(folder, "moved.sieve"), moved.replace("set", "sett"));
    const { status, err } = await postern("check", ...configured);
    writeFileSync(join(folder, "moved.sieve"), moved);
    expect(err).toContain('moved.sieve:3:3: unknown command "sett". Did you mean "set"?\n');
    expect(status).toBe(1);
  });

  test("check --connect does not miss what the first start makes", async () => {
    const file = join(folder, "init.toml");
    writeFileSync(join(folder, "tables.sql"), "CREATE TABLE IF NOT EXISTS seen (addr TEXT);");
    const store = (init: string) =>
      `[store.later]\ntype = "sqlite"\npath = "later.sqlite"\ntimeout = "1m"\n${init}[sieve.trusted.scripts.names]`;
    for (const [init, status] of [
      ['init = "tables.sql"\n', 0],
      ["", 1],
    ] as const) {
      writeFileSync(file, config.replace("[sieve.trusted.scripts.names]", store(init)));
      expect(await postern("check", "--connect", "-c", file)).toMatchObject({ status });
    }
  });

  test("check --connect reports a missing table", async () => {
    writeFileSync(join(folder, "moved.sieve"), 'keep;\nif query "SELECT 1 FROM greylist" { stop; }\n');
    const { status, err } = await postern("check", "--connect", ...configured);
    expect(err).toMatch(/^moved\.sieve:2:10: there is no table "greylist" in the store "made"\. .*\[store\.made\] init/m);
    expect(status).toBe(1);
    writeFileSync(join(folder, "moved.sieve"), moved);
    expect(await postern("check", "--connect", ...configured)).toMatchObject({ status: 0 });
  });
});
