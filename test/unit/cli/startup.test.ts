/** A command loads what it uses, and nothing else: most of its time is that. */
import { spawnSync } from "node:child_process";
import { EventEmitter } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { checkCommand } from "../../../src/cli/check.ts";
import { evalCommand } from "../../../src/cli/eval.ts";
import { explainCommand } from "../../../src/cli/explain.ts";
import { greylistCommand } from "../../../src/cli/greylist.ts";
import { openSmtpdFilterCommand } from "../../../src/cli/opensmtpd-filter.ts";
import { queryCommand } from "../../../src/cli/query.ts";
import { replayCommand } from "../../../src/cli/replay.ts";
import { serveCommand } from "../../../src/cli/serve.ts";
import { sieveCommand } from "../../../src/cli/sieve.ts";
import { Signals } from "../../../src/cli/signals.ts";
import { throttleCommand } from "../../../src/cli/throttle.ts";

const root = join(import.meta.dirname, "../../..");
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "postern-startup-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function postern(...words: readonly string[]): string {
  const observed = ["--import", join(root, "test/support/loaded-modules.ts"), "src/main.ts", ...words];
  const env = { ...process.env, LOADED_MODULES: join(folder, "loaded") };
  return spawnSync(process.execPath, observed, { cwd: root, encoding: "utf8", env }).stdout;
}

/** Names of packages, and folders of the source. */
function loadedBy(...words: readonly string[]): { packages: readonly string[]; folders: readonly string[] } {
  postern(...words);
  const modules = readFileSync(join(folder, "loaded"), "utf8").split("\n");
  const packages = modules.flatMap((url) => /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(url)?.[1] ?? []);
  const folders = modules.flatMap((url) => /\/src\/(.+)\/[^/]+$/.exec(url.includes("/node_modules/") ? "" : url)?.[1] ?? []);
  return { packages: [...new Set(packages)].sort(), folders: [...new Set(folders)].sort() };
}

const quickstart = ["-c", "contrib/examples/quickstart.toml"];
const forConfiguration = ["commander", "eslint-visitor-keys", "ipaddr.js", "lru-cache", "toml-eslint-parser", "zod"];

describe("what is loaded", () => {
  it.each([["--version"], ["--help"], ["nonsense"]])("for %s is the command line alone", (word) => {
    expect(loadedBy(word)).toEqual({ packages: ["commander"], folders: ["cli"] });
  });

  it.each([
    ["query", ...quickstart, "recipients", "john@example.org"],
    ["check", ...quickstart],
  ])("for %s is no database, engine or front end that the configuration does not use", (...words) => {
    const { packages, folders } = loadedBy(...words);
    expect(packages).toEqual(forConfiguration);
    const idle = /^(?:frontend|wire|state\/|config\/docs\/(?:reference|json-schema))/;
    expect(folders.filter((each) => idle.test(each))).toEqual([]);
  });

  it.each([
    ["none", "", false],
    ["one", '[listener.web]\nprotocol = "http"\nbind = ["127.0.0.1:0"]\n', true],
  ])("for serve with %s of its own is an HTTP server only then, and metrics only later", (_, web, isThere) => {
    const config = join(folder, "serve.toml");
    // Nobody has the second address, so that it ends.
    const listener = '[listener.smtp]\nprotocol = "policy"\nbind = ["127.0.0.1:0", "192.0.2.1:1"]\n';
    writeFileSync(config, `${listener}${web}[directory.mta]\ntype = "mta"\n`);
    const { packages, folders } = loadedBy("serve", "-c", config, "--state-directory", folder);
    expect(folders).toContain("frontend/policy");
    expect(folders.includes("frontend/http")).toBe(isThere);
    expect(packages).not.toContain("prom-client");
  });

  it("is a package as soon as something needs it", () => {
    const { packages } = loadedBy("eval", "matches('a', 'a')");
    expect(packages).toEqual([...forConfiguration, "re2js"].sort());
  });
});

test("the help names every command as it is used", () => {
  const [, list = ""] = /^Commands:\n(.*?)\n\n/ms.exec(postern("--help")) ?? [];
  const usages = [...list.matchAll(/^ {2}(\S+(?: \S+)*)/gm)].map(([, usage = ""]) => usage).filter((usage) => !usage.startsWith("help "));
  const commands = [
    () => serveCommand(new Signals(new EventEmitter())),
    checkCommand,
    explainCommand,
    replayCommand,
    evalCommand,
    queryCommand,
    greylistCommand,
    throttleCommand,
    sieveCommand,
    openSmtpdFilterCommand,
  ];
  for (const [index, command] of commands.entries()) expect(command().helpInformation()).toContain(`Usage: ${usages[index]}`);
});
