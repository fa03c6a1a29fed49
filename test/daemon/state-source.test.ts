/** A state store that is down, as monitoring and the console see it: they say what the log says. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { startDaemon } from "../support/daemon.ts";
import { freePorts } from "../support/mta.ts";
import { parseOpenMetrics } from "../support/open-metrics.ts";

const broken = Buffer.alloc(20_000, "not a database ");

test.each([
  [1, "embedded"],
  [2, "embedded"],
  [1, "pg"],
  [2, "pg"],
])("%s workers, state in %s", async (workers, store) => {
  const [port = 0, webPort = 0, nobody = 0] = await freePorts(3);
  const directory = mkdtempSync(join(tmpdir(), "postern-state-source-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const config = (state: string, onCorrupt = "", enable = true) => `[server]
workers = ${workers}
[listener.smtp]
protocol = "policy"
bind = ["127.0.0.1:${port}"]
[listener.web]
protocol = "http"
bind = ["127.0.0.1:${webPort}"]
[store.pg]
type = "postgresql"
url = "postgresql://postern@127.0.0.1:${nobody}/postern"
[storage]
state = "${state}"
${onCorrupt}
[directory.mta]
type = "mta"
[session.rcpt.greylist]
enable = ${enable}
`;
  mkdirSync(join(directory, "state"));
  const file = join(directory, "state", "state.sqlite");
  if (store === "embedded") writeFileSync(file, broken);
  const daemon = await startDaemon({
    directory,
    config: config(store, store === "embedded" ? 'on-corrupt = "wait"' : ""),
    listening: [{ port, host: "127.0.0.1" }],
  });
  onTestFinished(async () => void (await daemon.stop()));
  const get = (path: string) => fetch(`http://127.0.0.1:${webPort}${path}`);
  const metric = async () => {
    const { samples = [] } = parseOpenMetrics(await (await get("/metrics")).text()).get("postern_source_up") ?? {};
    return samples.find(({ labels }) => labels.source === "state")?.value;
  };
  await daemon.logged(({ msg }) => msg === "state store unavailable; on-store-failure applies");
  await expect.poll(metric).toBe(0);
  const { sources } = (await (await get("/status")).json()) as { sources: readonly { name: string }[] };
  expect(sources.find(({ name }) => name === "state")).toMatchObject({
    ...{ up: false, since: expect.any(String) },
    lastFailure: { error: expect.any(String) },
  });
  const readiness = await get("/readyz");
  expect(readiness.status).toBe(503);
  const { reasons } = (await readiness.json()) as { reasons: readonly string[] };
  expect(reasons.filter((reason) => reason.startsWith("state: "))).toHaveLength(1);

  // It is that of the store which a reload brings.
  rmSync(file, { force: true });
  daemon.reload(config("embedded"));
  await daemon.logged(({ msg }) => msg === "configuration reloaded");
  await expect.poll(metric).toBe(1);
  daemon.reload(config("embedded", "", false));
  await daemon.logged(({ msg }) => msg === "configuration reloaded");
  await expect.poll(metric).toBeUndefined();
});
