/** The milter with miltertest, OpenDKIM's test program, as the MTA: the scripts of miltertest/. */
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { read, substitute } from "../support/contrib.ts";
import { type Daemon, startDaemon } from "../support/daemon.ts";
import { freePorts, whyNo } from "../support/mta.ts";
import { behaviour } from "./milter-behaviour.ts";

const scripts = new URL("./miltertest", import.meta.url).pathname;

describe.skipIf(whyNo("miltertest") !== undefined)("miltertest", async () => {
  const directory = `/tmp/postern-mt-${process.pid}`;
  const [port = 0] = await freePorts(1);
  let daemon: Daemon;

  beforeAll(async () => {
    const config = substitute(behaviour(read("contrib/postfix/milter.toml")), ["127.0.0.1:10043", `127.0.0.1:${port}`]);
    daemon = await startDaemon({ directory, config, listening: [{ host: "127.0.0.1", port }] });
  });

  afterAll(async () => {
    await daemon?.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  it.each(["stages.lua", "sessions.lua"])("%s runs to its end", (script) => {
    const { status, stdout, stderr } = spawnSync("miltertest", ["-s", join(scripts, script), "-D", `addr=inet:${port}@127.0.0.1`], {
      encoding: "utf8",
    });
    expect({ status, said: stdout + stderr }).toEqual({ status: 0, said: "" });
  });
});
