/** The package, as `npm run build` makes it: its few files find each other, and the packages that they leave out. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import packageJson from "../../package.json" with { type: "json" };
import { read, substitute } from "../support/contrib.ts";
import { freePorts } from "../support/mta.ts";
import { openPolicy } from "../support/policy-client.ts";
import { program } from "../support/program.ts";
import { isLong } from "../support/runs.ts";

const root = join(import.meta.dirname, "../..");
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "postern-package-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function run(...words: readonly string[]): string {
  const { stdout, stderr } = spawnSync(process.execPath, words, { cwd: root, encoding: "utf8" });
  return stdout + stderr;
}

/** Its path. */
function writeConfig(text: string): string {
  const path = join(folder, "postern.toml");
  writeFileSync(path, text);
  return path;
}

test("it knows its version", () => {
  expect(run(program, "--version")).toBe(`${packageJson.version}\n`);
});

test.each([
  ["--version"],
  ["check", "-c", "contrib/examples/quickstart.toml"],
])("%s loads no built-in module that it does not use", (...words) => {
  const atExit = "data:text/javascript,process.on('exit', () => console.log(process.moduleLoadList.join()))";
  const loaded = run("--import", atExit, program, ...words).split(",");
  expect(loaded).toContain("NativeModule path");
  // What `import` reads of all exports of node:process, and what Commander starts commands in other programs with.
  for (const name of ["crypto", "fs/promises", "internal/process/report", "child_process"])
    expect(loaded).not.toContain(`NativeModule ${name}`);
});

test("it asks SQLite by a process of its own", () => {
  const path = join(folder, "mail.sqlite");
  const database = new DatabaseSync(path);
  for (const file of ["schema-sqlite.sql", "examples.sql"]) database.exec(readFileSync(join(root, "contrib/sql", file), "utf8"));
  database.close();
  const config = writeConfig(`[listener.maps]
protocol = "socketmap"
bind = ["127.0.0.1:10041"]
[store.mail]
type = "sqlite"
timeout = "1m"
path = "${path}"
[directory.mail]
type = "sql"
store = "mail"
`);
  expect(run(program, "query", "-c", config, "recipients", "john@example.org")).toBe("john@example.org\n");
});

test("what it starts is where it looks for it", () => {
  expect(readdirSync(join(root, "dist"))).toEqual(
    expect.arrayContaining(["main.js", "sqlite-process.js", "checkpoint-thread.js", "archive-thread.js"]),
  );
});

test("a filter of OpenSMTPD, which stays for long, has no configuration", () => {
  const loads = (file: string) => readFileSync(join(root, "dist", file), "utf8").includes('from "./configuration.js"');
  expect([loads("query.js"), loads("opensmtpd-filter.js")]).toEqual([true, false]);
});

test("it finds the packages that are loaded when they are needed", () => {
  expect(run(program, "eval", "matches('^(a+)$', 'aa')")).toBe("1\n");
  const config = writeConfig(`[listener.maps]
protocol = "socketmap"
bind = ["127.0.0.1:10041"]
[directory.people]
type = "ldap"
url = ["ldap://127.0.0.1:1"]
base = "dc=example,dc=org"
domains = ["example.org"]
`);
  expect(run(program, "query", "-c", config, "recipients", "john@example.org")).toContain("ECONNREFUSED");
  const spf = writeConfig(`[listener.smtp]
protocol = "policy"
bind = ["127.0.0.1:10040"]
[directory.mta]
type = "mta"
[dns]
resolvers = ["127.0.0.1:1"]
[auth.spf.verify]
mail-from = "relaxed"
`);
  const words = ["--client", "203.0.113.9", "--helo", "mx.client.example", "--from", "a@client.example"];
  expect(run(program, "explain", "-c", spf, ...words)).toMatch(/spf of MAIL: .*: temperror, by .*ECONNREFUSED/);
});

test("it asks MySQL", () => {
  const config = writeConfig(`[listener.maps]
protocol = "socketmap"
bind = ["127.0.0.1:10041"]
[store.db]
type = "mysql"
url = "mysql://127.0.0.1:1/mail"
[directory.mail]
type = "sql"
store = "db"
`);
  expect(run(program, "query", "-c", config, "recipients", "john@example.org")).toContain("ECONNREFUSED");
});

test("it has metrics and the console, and what its pages import", async () => {
  const [port] = await freePorts(1);
  const config = writeConfig(`[listener.web]
protocol = "http"
bind = ["127.0.0.1:${port}"]
[listener.maps]
protocol = "socketmap"
bind = ["unix:${folder}/maps"]
[directory.mta]
type = "mta"
`);
  const daemon = spawn(process.execPath, [program, "serve", "-c", config, "--state-directory", folder], {
    cwd: root,
    stdio: "ignore",
  });
  const statusOf = (path: string) => fetch(`http://127.0.0.1:${port}/${path}`).then(({ status }) => status);
  await expect.poll(() => statusOf("").catch(() => 0)).toBe(200);
  const page = await (await fetch(`http://127.0.0.1:${port}/`)).text();
  const files = [...page.matchAll(/"(?:\.\/)?([a-z/-]+\.(?:js|css|svg))"/g)].map(([, file = ""]) => file);
  expect(files).toEqual(expect.arrayContaining(["main.js", "style.css", "vendor/preact.js", "vendor/uplot.js"]));
  expect(await Promise.all([...files, "views/decisions.js"].map(statusOf))).toEqual([...files, ""].map(() => 200));
  expect(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()).toContain(
    `postern_build_info{version="${packageJson.version}"} 1\n# EOF\n`,
  );
  daemon.kill();
  await once(daemon, "exit");
});

// The dependencies come from the registry, or from npm's cache.
test.runIf(isLong)("npm packs it, installs it anywhere, and it answers from there", async () => {
  const npm = (...words: readonly string[]) => execFileSync("npm", [...words, "--silent", "--no-audit"], { cwd: root, encoding: "utf8" });
  const archive = npm("pack", "--ignore-scripts", "--pack-destination", folder).trim();
  npm("install", "--global", "--prefer-offline", "--prefix", join(folder, "prefix"), join(folder, archive));
  const postern = join(folder, "prefix/bin/postern");
  const elsewhere = (...words: readonly string[]) => execFileSync(postern, words, { cwd: folder, encoding: "utf8" });
  expect(elsewhere("--version")).toBe(`${packageJson.version}\n`);
  const [port = 0] = await freePorts(1);
  const config = substitute(
    read("contrib/examples/quickstart.toml"),
    ["127.0.0.1:10040", `127.0.0.1:${port}`],
    [`wait = "5s"`, `wait = "0s"`],
  );
  writeFileSync(join(folder, "installed.toml"), config);
  elsewhere("check", "-c", "installed.toml");
  const daemon = spawn(postern, ["serve", "-c", "installed.toml"], { cwd: folder, stdio: "ignore" });
  const ask = (recipient: string) => openPolicy(port).then((client) => client.ask({ recipient }).finally(() => client.end()));
  await expect.poll(() => ask("john@example.org").catch(() => "")).toBe("DUNNO");
  expect(await ask("nobody@example.org")).toBe("550 5.1.2 Mailbox does not exist.");
  daemon.kill();
  expect(await once(daemon, "exit")).toEqual([0, null]);
});

test("an older Node is told which one is needed, without a line that it could not load", () => {
  const main = readFileSync(join(root, "dist/main.js"), "utf8");
  expect(main).not.toMatch(/^\s*import .* from /m);
  const old = join(folder, "main.mjs");
  writeFileSync(old, main.replace("process.versions", '{ node: "20.19.2" }'));
  const { status, stdout, stderr } = spawnSync(process.execPath, [old, "check"], { encoding: "utf8" });
  expect({ status, stdout, stderr }).toEqual({
    status: 1,
    stdout: "",
    stderr: expect.stringMatching(/^postern needs Node 24 or later; this is 20\.19\.2\. .*\n$/),
  });
  expect(packageJson.engines.node).toBe(">=24");
});
