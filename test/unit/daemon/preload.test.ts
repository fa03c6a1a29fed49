/** What a daemon that serves has loaded, so that it needs no file of the installation later. */
import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { join } from "node:path";
import { expect, test, vi } from "vitest";
import { parseConfiguration } from "../../../src/config/load.ts";
import { neededByHttp, neededBySessions, preload } from "../../../src/daemon/preload.ts";
import { loadModule } from "../../../src/text/on-demand.ts";

vi.mock("../../../src/text/on-demand.ts", async (original) => ({ ...(await original<object>()), loadModule: vi.fn() }));

const source = join(import.meta.dirname, "../../../src");

async function loadedFor(settings: string): Promise<readonly string[]> {
  const text = `[listener.smtp]\nprotocol = "policy"\nbind = ["127.0.0.1:0"]\n[directory.mta]\ntype = "mta"\n${settings}`;
  const { configuration, problems } = parseConfiguration(text, "postern.toml", () => "");
  if (configuration === undefined) throw new Error(JSON.stringify(problems));
  const load = vi.mocked(loadModule).mockClear();
  for (const each of neededBySessions(configuration)) await each();
  return load.mock.calls.map(([name]) => name);
}

const always = ["tr46", "re2js"];
const spf = "mailauth/lib/spf/spf-verify.js";

test.each([
  ["", always],
  ["[session.rcpt.greylist]\nenable = true\n", [...always, "tldts"]],
  ["[auth.spf.verify]\nmail-from = \"'relaxed'\"\n", [...always, spf]],
  ["[[session.rcpt.deny]]\nif = \"spf_result == 'fail'\"\n", [...always, spf]],
])("for %j", async (settings, expected) => {
  expect(await loadedFor(settings)).toEqual(expected);
});

test("each package that is loaded on demand is loaded by a daemon, or is a driver, which it has at once", async () => {
  const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
  const named = files.flatMap((name) =>
    [...readFileSync(join(source, name), "utf8").matchAll(/onDemand<[^;]*>\("([^"]+)"\)/g)].map(([, module = ""]) => module),
  );
  const packages = new Set(named.filter((name) => !builtinModules.includes(name.replace("node:", ""))));
  const load = vi.mocked(loadModule).mockClear();
  for (const each of neededByHttp(() => {})) await each();
  const ofHttp = load.mock.calls.map(([name]) => name);
  const preloaded = [...(await loadedFor("[session.rcpt.greylist]\nenable = true\n[auth.spf.verify]\nehlo = \"'relaxed'\"\n")), ...ofHttp];
  expect([...packages].sort()).toEqual([...preloaded, "pg", "mysql2/promise", "ldapts"].sort());
});

test("what cannot be loaded keeps nothing else from being loaded, and nothing is before the first clients", async () => {
  const done = Promise.withResolvers<string>();
  vi.useFakeTimers({ toFake: ["setTimeout"] });
  try {
    const first = vi.fn(() => {
      throw new Error("it was removed");
    });
    preload([first, () => Promise.reject(new Error("so was this")), () => done.resolve("loaded")]);
    expect(first).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1000);
    expect(await done.promise).toBe("loaded");
  } finally {
    vi.useRealTimers();
  }
});
