/** `postern throttle` as an administrator runs it, on each store that state may be in. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { throttleCommand } from "../../../src/cli/throttle.ts";
import { parseConfiguration } from "../../../src/config/load.ts";
import { counterKey } from "../../../src/stage/throttle.ts";
import { openState } from "../../../src/state/open-state.ts";
import type { StateSettings } from "../../../src/store/store-settings.ts";
import { TestPostgres } from "../../support/postgres.ts";
import { postgresqlSettings, sqliteSettings } from "../../support/stores.ts";

const folder = mkdtempSync(join(tmpdir(), "postern-throttle-"));
const state = join(folder, "state");
let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await TestPostgres.create();
});
afterAll(async () => {
  await postgres.remove();
  rmSync(folder, { recursive: true });
});

const throttled = `
[[session.throttle]]
name = "strangers"
key = ["remote_ip"]
rate = "5/30d"
[[session.throttle]]
rate = "3/30d"
window = "sliding"
[[session.throttle]]
name = "pairs"
key = ["sender", "rcpt"]
rate = "10/30d"
`;

/** The status, and both outputs. */
async function postern(...args: readonly string[]): Promise<{ status: number; out: string; err: string }> {
  const [out, err] = [vi.spyOn(process.stdout, "write"), vi.spyOn(process.stderr, "write")];
  for (const spy of [out, err]) spy.mockReturnValue(true);
  const text = ({ mock }: typeof out) => mock.calls.map(([chunk]) => String(chunk)).join("");
  try {
    await throttleCommand().parseAsync([...args, "-c", join(folder, "postern.toml"), "--state-directory", state], { from: "user" });
    return { status: Number(process.exitCode ?? 0), out: text(out), err: text(err) };
  } finally {
    process.exitCode = undefined;
    for (const spy of [out, err]) spy.mockRestore();
  }
}

async function countIn(settings: StateSettings, config: string): Promise<void> {
  writeFileSync(join(folder, "postern.toml"), config);
  const { configuration } = parseConfiguration(config, "postern.toml", () => "", { serves: false });
  const throttles = Object.values(configuration?.settings.throttles ?? {}).flat();
  const store = openState(settings, { onAvailability: () => {} });
  const take = async (name: string, values: readonly string[], times: number) => {
    const throttle = throttles.find((each) => each.name === name);
    if (throttle === undefined) throw new Error(`there is no throttle ${name}`);
    for (let time = 0; time < times; time += 1)
      await store.throttle({ ...throttle, key: counterKey(throttle, values), now: Date.now(), token: undefined });
  };
  await store.resetThrottles((await store.listThrottles("", { limit: 100 })).map(({ key }) => key));
  await take("strangers", ["203.0.113.9"], 5);
  await take("strangers", ["2001:db8::/64"], 2);
  await take("2", [], 3);
  await take("pairs", ["a@client.example", "John@example.org"], 1);
  await take("pairs", [`${"long".repeat(50)}@client.example`, "b@example.org"], 1);
  await store.close();
}

const counted = async (...args: readonly string[]) => {
  const { out } = await postern("list", "--json", ...args);
  return out.split("\n").flatMap((line) => {
    if (line === "") return [];
    const { name, key, count, limit } = JSON.parse(line) as Record<string, string | number>;
    return [`${name} ${String(key).slice(0, 40)}: ${count}/${limit}`];
  });
};

const places: Readonly<Record<string, () => Promise<void>>> = {
  async embedded() {
    mkdirSync(state, { recursive: true });
    await countIn(sqliteSettings(join(state, "state.sqlite")), throttled);
  },
  async PostgreSQL() {
    const url = `postgresql://postgres@127.0.0.1:${postgres.port}/postgres`;
    const inPostgres = `[store.pg]\ntype = "postgresql"\nurl = "${url}"\n[storage]\nstate = "pg"\n`;
    await countIn(postgresqlSettings(postgres.port), `${inPostgres}${throttled}`);
  },
};

describe.each(Object.keys(places))("%s", (place) => {
  beforeEach(() => places[place]?.());

  test("list: by throttle, near their limit, of one name", async () => {
    const all = [
      ...["strangers 2001:db8::/64: 2/5", "strangers 203.0.113.9: 5/5", "2 : 3/3", "pairs a@client.example John@example.org: 1/10"],
      `pairs "${"long".repeat(10).slice(0, 39)}: 1/10`,
    ];
    expect((await counted()).toSorted()).toEqual(all.toSorted());
    expect(await counted("--near")).toEqual(["strangers 203.0.113.9: 5/5", "2 : 3/3"]);
    expect(await counted("2")).toEqual(["2 : 3/3"]);
    const { out } = await postern("list", "strangers", "--near");
    expect(out).toMatch(
      /^NAME +KEY +COUNT +LIMIT +SINCE \(UTC\)\nstrangers +203\.0\.113\.9 +5 +5\/30d by remote_ip +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\n$/,
    );
  });

  test.each<[args: readonly string[], status: number, said: string, left: number]>([
    [["strangers", "203.0.113.9"], 0, "1 counter begins again", 4],
    [["strangers", "2001:db8::9"], 0, "1 counter begins again", 4],
    [["strangers", "2001:db8::/64"], 0, "1 counter begins again", 4],
    [["strangers", "--all"], 0, "2 counters begin again", 3],
    [["2"], 0, "1 counter begins again", 4],
    [["pairs", "a@client.example", "john@example.org"], 0, "1 counter begins again", 4],
    [["strangers"], 2, '"strangers" counts by remote_ip: give a key, or --all', 5],
    [["strangers", "198.51.100.1"], 1, '"198.51.100.1" not found', 5],
    [["stranger", "--all"], 2, 'there is no throttle "stranger". Did you mean "strangers"?', 5],
  ])("reset %j", async (args, status, said, left) => {
    const { out, err, ...result } = await postern("reset", ...args);
    expect([result.status, (out + err).trim()]).toEqual([status, said]);
    expect(await counted()).toHaveLength(left);
  });
});
