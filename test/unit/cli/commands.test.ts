/** The commands as processes: what they print, and what they end with. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { program } from "../../support/program.ts";

const root = join(import.meta.dirname, "../../..");
let folder: string;
let file: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "postern-cli-"));
  file = join(folder, "postern.toml");
  writeFileSync(
    file,
    `
[server]
mode = "shadow"
[listener.smtp]
protocol = "policy"
bind = ["127.0.0.1:10040"]
mode = "enforce"
[directory.accounts]
type = "memory"
principals = [ { name = "john", email = ["john@example.org"] } ]
[session.rcpt]
relay = [ { if = "counter_incr('', rcpt, 1) > 1", then = true }, { else = false } ]
`,
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

function postern(args: readonly string[], input = "") {
  const state = ["--state-directory", join(folder, "state")];
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args, ...state], {
    cwd: root,
    input,
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

const session = ["--client", "203.0.113.9", "--helo", "mx.client.example", "--from", "a@b.example"];

describe("explain", () => {
  it("cannot tell what a database says that does not exist, except for keys", () => {
    const rules = `"key_get('', 'x') == '' && sql_query('other', 'SELECT 1 FROM t WHERE a = ?', [sender]) != 1"`;
    const own = join(folder, "missing-database.toml");
    const text = readFileSync(file, "utf8");
    writeFileSync(own, `${text}[store.other]\ntype = "sqlite"\npath = "missing.sqlite"\n[session.mail]\nis-allowed = ${rules}\n`);
    const { stdout, stderr } = postern(["explain", "-c", own, ...session, "--to", "john@example.org"]);
    expect(stdout).toContain("MAIL a@b.example\n  → 451 4.4.3 ");
    expect(stderr).toMatch(/^other: .*missing\.sqlite: ENOENT/);
  });

  it("plays a session and writes no state", () => {
    const { status, stdout } = postern([
      "explain",
      "-c",
      file,
      ...session,
      "--to",
      "john+x@example.org",
      "--to",
      "x@elsewhere.example",
      "--json",
    ]);
    expect(status).toBe(0);
    expect(JSON.parse(stdout).steps).toMatchObject([
      { stage: "ehlo", reply: null },
      { stage: "mail", reply: null, sender: "a@b.example" },
      { stage: "rcpt", reply: null, resolved: ["john@example.org"] },
      { stage: "rcpt", reply: "550 5.1.2 Relay not allowed.", delayMs: 5000, disconnect: false },
    ]);
    expect(existsSync(join(folder, "state"))).toBe(false);
  });

  it("takes addresses in brackets and with a source route, as clients give them", () => {
    const route = "@one.example,@[192.0.2.1]:";
    const args = ["--client", "203.0.113.9", "--helo", "mx.client.example", "--from", "<>", "--to", `<${route}john@example.org>`];
    const { stdout } = postern(["explain", "-c", file, ...args, "--auth", "john", "--vrfy", "<john@example.org>"]);
    expect(stdout).toContain("MAIL <>\n");
    expect(stdout).toContain("→ 250 john@example.org");
    expect(stdout).toMatch(/^RCPT john@example\.org\n(?: .*\n)* {2}goes to: john@example\.org$/m);
  });

  it("reads a policy request, and answers as the listener would", () => {
    const request =
      "request=smtpd_access_policy\nprotocol_state=RCPT\nclient_address=203.0.113.9\nhelo_name=mx.a.example\nrecipient=x@elsewhere.example\n";
    expect(postern(["explain", "-c", file, "--policy"], request).stdout).toMatch(/\naction=550 5\.1\.2 Relay not allowed\.\n$/);
  });

  it("answers each line, also one that makes no sense", () => {
    const { stdout } = postern(["explain", "-c", file, "--stdin"], '{"client":{},"helo":"localhost"}\n{"clent":{}}\nno JSON\n');
    const answers = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(answers).toMatchObject([{ steps: [{ reply: "550 5.5.0 Invalid EHLO domain." }] }, { error: {} }, { error: {} }]);
  });

  it("counts nothing from one line to the next", () => {
    const own = join(folder, "throttled.toml");
    writeFileSync(own, `${readFileSync(file, "utf8")}[[session.throttle]]\nkey = ["sender"]\nrate = "2/1h"\n`);
    const line = '{"client":{"address":"203.0.113.9"},"helo":"mx.a.example","sender":"a@b.example","recipients":["john@example.org"]}\n';
    const { stdout } = postern(["explain", "-c", own, "--stdin"], line.repeat(4));
    const [first, ...others] = stdout.trimEnd().split("\n");
    expect(first).toContain('"reply":null,"reason":"pass"');
    expect(others).toEqual([first, first, first]);
  });

  it.each([
    [["--client-port", "99999"], "from 0 to 65535"],
    [["--client", "nonsense"], "is not an IP address"],
    [["--listener", "none"], "there is no listener"],
  ])("ends with 2 at %j", (args, message) => {
    const { status, stderr } = postern(["explain", "-c", file, ...args]);
    expect(status).toBe(2);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain(" at ");
  });
});

describe("eval", () => {
  it.each([
    ["1 + 2 * 3", [], "7\n", 0],
    ["rcpt_domain", ["--set", "rcpt=john@a.example"], "a.example\n", 0],
    ["is_tls && local_port == 25", ["--set", "is_tls=true", "--set", "local_port=25"], "1\n", 0],
    ["rcpt_domian", [], "", 1],
    ["rcpt", ["--set", "rpct=a@b.example"], "", 1],
    ["rpct + 1", ["--set", "rpct=1"], "11\n", 0],
    ["rcpt_domain", ["--set", "email=a@b.example"], "b.example\n", 0],
  ])("%s", (expression, args, expected, expectedStatus) => {
    const { status, stdout } = postern(["eval", "-c", file, expression, ...args]);
    expect({ status, stdout }).toEqual({ status: expectedStatus, stdout: expected });
  });

  it.each([
    [{ expr: "'a' + 1" }, { value: "a1" }],
    [{ expr: "[1, 'b']" }, { value: [1, "b"] }],
    [{ expr: "1 +" }, { error: { line: 1 } }],
    [{ rules: [{ if: "rcpt == 'x'", then: "'yes'" }, { else: false }], set: { rcpt: "x" } }, { value: "yes" }],
    [{ rules: { match: { "0": { if: "true", then: "2" } }, else: "3" } }, { value: 2 }],
    [{ rules: [{ if: "1", then: "2" }] }, { error: { message: expect.stringContaining("no else") } }],
    [{ rules: { match: { a: { if: "1", then: "2" } }, else: "3" } }, { error: { message: expect.stringContaining("not a number") } }],
    [{ nonsense: 1 }, { error: {} }],
  ])("--stdin %j", (line, expected) => {
    expect(JSON.parse(postern(["eval", "-c", file, "--stdin"], `${JSON.stringify(line)}\n`).stdout)).toMatchObject(expected);
  });
});

describe("check", () => {
  it("says that there is nothing wrong, or what", () => {
    expect(postern(["check", "-c", file])).toMatchObject({ status: 0, stdout: `${file}: no errors\n` });
    const { status, stderr } = postern(["check", "-c", join(folder, "missing.toml")]);
    expect(status).toBe(1);
    expect(stderr).toContain("missing.toml:1:1: there is no file");
  });

  it("reads every file and says how many entries it has, or which lines are wrong", () => {
    const [table, list] = [join(folder, "addresses"), join(folder, "list")];
    const other = join(folder, "files.toml");
    writeFileSync(
      other,
      `[listener.smtp]\nprotocol = "policy"\nbind = ["127.0.0.1:1"]\n[directory.d]\ntype = "file"\naddresses = ["${table}"]\n[lookup-file.l]\npath = "${list}"\n`,
    );
    writeFileSync(list, "# none\na.example\n");
    // Large enough to be read in several portions.
    const addresses = Array.from({ length: 20_000 }, (_, index) => `user${index}@example.org\n`).join("");
    writeFileSync(table, addresses);
    const found = postern(["check", "-c", other]);
    expect(found).toMatchObject({ status: 0, stdout: `${other}: no errors\n${table}: 20000 entries\n${list}: 1 entry\n` });
    writeFileSync(table, `${addresses}${"nonsense\n".repeat(30)}`);
    const wrong = postern(["check", "-c", other]);
    expect(wrong).toMatchObject({ status: 1, stdout: "" });
    expect(wrong.stderr.trimEnd().split("\n")).toMatchObject({
      length: 11,
      0: expect.stringContaining("addresses:20001: "),
      10: `${table}: 20 more lines have errors.`,
    });
    writeFileSync(table, addresses);
    // Those of a small file are reported with its key.
    const warnings = (lines: number) => {
      writeFileSync(list, "192.0.2.0/24\n".repeat(lines));
      return postern(["check", "-c", other]).stderr.trimEnd().split("\n");
    };
    expect(warnings(1)).toEqual([expect.stringContaining(`warning: lookup-file.l.path: ${list}:1: "192.0.2.0/24" matches nothing`)]);
    expect(warnings(10_000)).toMatchObject({
      length: 11,
      0: expect.stringContaining(`${list}:1: warning: "192.0.2.0/24" matches nothing`),
      10: `${list}: warning: 9990 more lines have warnings.`,
    });
    writeFileSync(list, "a.example\0");
    expect(postern(["check", "-c", other]).stderr).toContain(`${list} is not text in UTF-8`);
  });
});

describe("serve", () => {
  const occupied = '[listener.smtp]\nprotocol = "policy"\nbind = ["192.0.2.1:1"]\n[directory.mta]\ntype = "mta"\n';
  it.each([
    [78, "its configuration has errors", "nonsense"],
    [1, "something may be otherwise the next time", occupied],
  ])("ends with %i when %s", (status, _, config) => {
    const other = join(folder, "serve.toml");
    writeFileSync(other, config);
    expect(postern(["serve", "-c", other])).toMatchObject({ status });
  });

  it("says nothing to the journal without a priority", () => {
    const journal = join(folder, "journal");
    const descriptor = openSync(journal, "w");
    const { dev, ino } = fstatSync(descriptor, { bigint: true });
    const env = { ...process.env, JOURNAL_STREAM: `${dev}:${ino}` };
    const other = join(folder, "serve.toml");
    writeFileSync(other, "nonsense");
    spawnSync(process.execPath, [program, "serve", "-c", other], { cwd: root, env, stdio: ["ignore", "inherit", descriptor] });
    closeSync(descriptor);
    expect(readFileSync(journal, "utf8")).toMatch(/^<3>.*serve\.toml:1:\d+: not valid TOML: .*\n$/);
  });
});

describe("a reader that has seen enough", () => {
  it.each<readonly [args: readonly string[], input: string]>([
    [["check", "--print"], ""],
    [["explain", ...session, "--to", "john@example.org"], ""],
    [["explain", "--stdin"], '{"client":{},"helo":"localhost"}\n'.repeat(100)],
    [["eval", "--stdin"], '{"expr":"1"}\n'.repeat(100)],
  ])("ends %j without a word", async (args, input) => {
    const child = spawn(process.execPath, [program, ...args, "-c", file], { cwd: root });
    child.stdout.destroy();
    child.stdin.on("error", () => {});
    child.stdin.end(input);
    const [said, [status]] = await Promise.all([text(child.stderr), once(child, "exit")]);
    expect({ said, status }).toEqual({ said: "", status: 0 });
  });
});

it.each([
  [],
  ["serve"],
  ["check"],
  ["explain"],
  ["eval"],
  ["query"],
  ["sieve"],
  ["greylist"],
  ["greylist", "list"],
  ["greylist", "import", "sqlgrey"],
])("help for %j is as wide as a terminal", (...command) => {
  const { stdout } = spawnSync(process.execPath, [program, ...command, "--help"], { cwd: root, encoding: "utf8" });
  expect(stdout).toContain("Usage: postern");
  expect(stdout.split("\n").filter((line) => line.length > 80)).toEqual([]);
});

describe("the state of a daemon that keeps it elsewhere, or from this user", () => {
  it("is looked for by its whole path, and --state-directory is named", () => {
    const { status, stderr } = postern(["greylist", "list", "-c", file]);
    expect(status).toBe(1);
    expect(stderr).toMatch(new RegExp(`^${join(folder, "state", "state.sqlite")} not found\\n.*--state-directory`));
  });

  // Nobody is kept from anything but where root runs the tests.
  it.runIf(process.getuid?.() === 0)("is said to be unreadable where that is the reason", () => {
    const state = join(folder, "own");
    mkdirSync(state, { mode: 0o700 });
    writeFileSync(join(state, "state.sqlite"), "");
    chmodSync(folder, 0o755);
    const { status, stderr } = spawnSync(process.execPath, [program, "greylist", "list", "-c", file, "--state-directory", state], {
      ...{ cwd: root, encoding: "utf8", uid: 65534 },
    });
    expect({ status, stderr }).toEqual({
      status: 75,
      stderr: `${state}/state.sqlite is not readable for this user. Run the command as root, or as the user of the daemon.\n`,
    });
  });
});

describe("surroundings that are not as usual", () => {
  const run = (words: string, more: Parameters<typeof spawnSync>[2] = {}) =>
    spawnSync("/bin/sh", ["-c", words], {
      cwd: root,
      encoding: "utf8",
      env: { ...process.env, postern: `${process.execPath} ${join(root, program)}` },
      ...more,
    });

  it.each([
    ["eval 1+1", 0, "2\n", ""],
    ["check -c $file", 0, expect.stringContaining("no errors"), ""],
    ["check -c $file --state-directory var", 1, "", expect.stringMatching(/^the working directory is no longer there.*\n$/)],
  ])("a working directory that was removed: %s", (words, status, stdout, stderr) => {
    const gone = mkdtempSync(join(folder, "gone-"));
    const other = join(folder, "gone.toml");
    writeFileSync(other, '[listener.smtp]\nprotocol = "policy"\nbind = ["127.0.0.1:10040"]\n[directory.mta]\ntype = "mta"\n');
    const said = run(`cd ${gone} && rmdir ${gone} && $postern ${words.replace("$file", other)}`);
    expect(said).toMatchObject({ status, stdout, stderr });
  });

  it.runIf(existsSync("/dev/full")).each(["eval 1+1", "check --print -c $file", "--help", "check --help", "--version"])(
    "a full disk: %s",
    (words) => {
      const { status, stderr } = run(`$postern ${words.replace("$file", file)} >/dev/full`);
      expect({ status, stderr }).toEqual({ status: 74, stderr: "the output cannot be written: ENOSPC: no space left on device, write\n" });
    },
  );
});

it.each([
  ["greylist list --limit x", "argument 'x' is invalid"],
  ["greylist list --waitin", "unknown option '--waitin'"],
  ["greylist allow", "missing required argument 'client'"],
  ["greylist import sqlgrey", "missing required argument"],
  ["throttle reset --alll", "unknown option '--alll'"],
  ["check postern.toml", "postern.toml. Name a configuration by its option: -c postern.toml"],
  ["greylist list postern.json", "postern.json. Name a configuration by its option: -c postern.json"],
  ["check mail.log", "got 1: mail.log."],
])("invalid usage ends with 2, and names the help: %s", (words, expected) => {
  const { status, stderr } = spawnSync(process.execPath, [program, ...words.split(" ")], { cwd: root, encoding: "utf8" });
  expect({ status, stderr }).toEqual({ status: 2, stderr: expect.stringContaining(expected) });
  expect(stderr).toContain("`postern COMMAND --help`");
});
