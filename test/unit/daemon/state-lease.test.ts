/** Who holds the store of state: cores before and after a reload share it, and the last one closes it. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { TemporaryError } from "../../../src/answer/temporary-error.ts";
import { parseConfiguration } from "../../../src/config/load.ts";
import { StateStores } from "../../../src/daemon/state-lease.ts";
import { problemWithState } from "../../../src/daemon/state-settings.ts";
import type { GreylistQuestion } from "../../../src/stage/state.ts";

const folder = mkdtempSync(join(tmpdir(), "postern-leases-"));
afterAll(() => rmSync(folder, { recursive: true }));

function configuration(stateDirectory: string, enable = true, storage = "") {
  const text = `[storage]\n${storage}\n[session.rcpt.greylist]\nenable = ${enable}\n`;
  const loaded = parseConfiguration(text, "/etc/postern/postern.toml", () => "", { serves: false, stateDirectory });
  if (loaded.configuration === undefined) throw new Error("not loaded");
  return loaded.configuration;
}

const question = (sender: string): GreylistQuestion => ({
  ...{ client: "", sender, recipient: "", now: 1, delayMs: 10, retryWindowMs: 1000, lifetimeMs: 1000 },
  autoWhitelist: { address: "203.0.113.9", passes: undefined },
  maxWaiting: 2,
});

test("one store for the same configuration, open until the last lets go", async () => {
  const states = new StateStores(
    () => 1,
    () => {},
  );
  const [one, two, other] = [join(folder, "a"), join(folder, "a"), join(folder, "b")].map((path) => states.lease(configuration(path)));
  if (one === undefined || two === undefined || other === undefined) throw new Error("three were held");
  expect(two.state).toBe(one.state);
  expect(other.state).not.toBe(one.state);
  await one.release();
  expect(await two.state.greylist(question("a"))).toMatchObject({ kind: "wait", isNew: true });
  expect(await other.state.greylist(question("a"))).toMatchObject({ kind: "wait", isNew: true });
  await Promise.all([two.release(), other.release()]);
  await expect((async () => two.state.greylist(question("a")))()).rejects.toThrow(TemporaryError);

  const again = states.lease(configuration(join(folder, "a")));
  expect(await again.state.greylist(question("a"))).toMatchObject({ kind: "wait", isNew: false });
  await again.release();
});

test("no more entries of a client wait than the question allows", async () => {
  const full: string[] = [];
  const states = new StateStores(
    () => 1,
    () => {},
    { onOtherDaemon: () => {}, onWaitingFull: (client) => full.push(client), onNotExpired: () => {} },
  );
  const { state, release } = states.lease(configuration(join(folder, "full")));
  for (const sender of ["a", "b", "c"]) await state.greylist(question(sender));
  expect(full).toEqual(["203.0.113.9"]);
  expect(state.source?.name).toContain("state.sqlite");
  await release();
});

test("what was reported of a store is told of it until it is closed, and nothing of the one that follows", async () => {
  const path = join(folder, "health");
  mkdirSync(path);
  writeFileSync(join(path, "state.sqlite"), Buffer.alloc(20_000, "not a database "));
  let now = 1000;
  const states = new StateStores(
    () => now,
    () => {},
  );
  const waiting = 'on-corrupt = "wait"';
  const first = states.lease(configuration(path, true, waiting));
  const ask = async () => first.state.greylist(question("a"));
  await expect(ask()).rejects.toThrow(TemporaryError);
  const failed = { at: 1000, error: expect.stringMatching(/: file is not a database$/) };
  expect(first.health?.()).toEqual({ up: false, since: 1000, lastFailure: failed });
  now = 2000;
  rmSync(join(path, "state.sqlite"));
  await ask();
  expect(first.health?.()).toEqual({ up: true, since: 2000, lastFailure: failed });
  await first.release();
  const second = states.lease(configuration(path, true, waiting));
  expect(second.health?.()).toEqual({ up: true, since: undefined, lastFailure: undefined });
  await second.release();
});

test("a configuration that never asks opens nothing", async () => {
  const { state, release } = new StateStores(
    () => 1,
    () => {},
  ).lease(configuration(join(folder, "none"), false));
  expect(() => state.greylist(question("a"))).toThrow(TemporaryError);
  await release();
});

/** Without the state nothing would be greylisted, and one warning would be all that anybody saw of it. */
describe("a state directory that cannot be used", () => {
  const file = join(folder, "file");
  writeFileSync(file, "");
  const stores = () =>
    new StateStores(
      () => 1,
      () => {},
    );

  test.each([
    "/proc/nope",
    "/proc/nope/deeper/still",
    file,
    join(file, "below"),
    "/dev/null/x",
  ])("%s is reported, and nothing starts", (path) => {
    expect(problemWithState(configuration(path))?.message).toContain(`server.state-directory: ${path}/state.sqlite`);
    expect(() => stores().lease(configuration(path))).toThrow("cannot be written");
  });

  test("says nothing where no state is kept", async () => {
    expect(problemWithState(configuration("/proc/nope", false))).toBeUndefined();
    await stores().lease(configuration("/proc/nope", false)).release();
  });
});

test("a directory that is not there yet is tried, and left as it was", () => {
  const path = join(folder, "new", "deeper");
  expect(problemWithState(configuration(path))).toBeUndefined();
  expect(existsSync(join(folder, "new"))).toBe(false);
});

test.each([
  ["", true],
  ['on-corrupt = "begin-anew"', true],
  ['on-corrupt = "wait"', false],
])("a corrupt file is renamed if the configuration says so: %s", async (storage, isRenamed) => {
  const path = join(folder, `corrupt ${storage}`);
  mkdirSync(path);
  writeFileSync(join(path, "state.sqlite"), Buffer.alloc(20_000, "not a database "));
  const { state, release } = new StateStores(
    () => 1,
    () => {},
  ).lease(configuration(path, true, storage));
  await expect(Promise.resolve(state.greylist(question("a")))).rejects.toThrow(TemporaryError);
  await release();
  expect(readdirSync(path).some((name) => name.startsWith("state.sqlite.broken-"))).toBe(isRenamed);
});
