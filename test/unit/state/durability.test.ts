import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { TemporaryError } from "../../../src/answer/temporary-error.ts";
import { openState } from "../../../src/state/open-state.ts";
import type { StateStore } from "../../../src/state/state-store.ts";
import { TestPostgres } from "../../support/postgres.ts";
import { isLong, runs } from "../../support/runs.ts";
import { greylistQuestion } from "../../support/state-question.ts";
import { postgresqlSettings, sqliteSettings } from "../../support/stores.ts";

const onAvailability = () => {};
/** Answers before a kill. */
const most = isLong ? 5000 : 1000;

/** Each was answered with its first time; the store must know it. */
async function expectKnown(state: StateStore, reported: ReadonlyMap<string, number>): Promise<void> {
  expect(reported.size).toBeGreaterThan(0);
  for (const [sender, firstSeen] of reported) {
    const row = await state.triplet(greylistQuestion({ sender }));
    expect(row, sender).toMatchObject({ firstSeen });
  }
}

describe("what was answered is known after kill -9", () => {
  it("of a program with SQLite", async () => {
    const folder = mkdtempSync(join(tmpdir(), "postern-state-"));
    const path = join(folder, "state.sqlite");
    const program = new URL("../../support/state-load.ts", import.meta.url).pathname;
    const reported = new Map<string, number>();
    for (let run = 0; run < runs(2); run++) {
      const child = spawn(process.execPath, [program, path, String(run)], { stdio: ["ignore", "pipe", "inherit"] });
      const enough = reported.size + 1 + Math.floor(Math.random() * most);
      let text = "";
      child.stdout.setEncoding("utf8").on("data", (part: string) => {
        text += part;
        const lines = text.split("\n");
        text = lines.pop() ?? "";
        for (const line of lines) {
          const [sender = "", now] = line.split(" ");
          reported.set(sender, Number(now));
        }
        if (reported.size >= enough) child.kill("SIGKILL");
      });
      const [, signal] = await once(child, "close");
      expect(signal).toBe("SIGKILL");
    }
    const state = openState(sqliteSettings(path), { onAvailability });
    await expectKnown(state, reported);
    await state.close();
    rmSync(folder, { recursive: true });
  });

  it("of PostgreSQL", async () => {
    const postgres = await TestPostgres.create(["fsync=on"]);
    const reported = new Map<string, number>();
    const state = openState(postgresqlSettings(postgres.port), { onAvailability });
    for (let run = 0; run < runs(1); run++) {
      const enough = reported.size + 1 + Math.floor(Math.random() * most);
      let number = 0;
      let killed: Promise<void> | undefined;
      const ask = async () => {
        while (killed === undefined) {
          const sender = `${run}-${number++}@example.org`;
          const now = Date.now();
          try {
            const answer = await state.greylist(greylistQuestion({ sender, now }));
            if (answer.kind === "wait" && answer.isNew) reported.set(sender, now);
          } catch (error) {
            expect(error).toBeInstanceOf(TemporaryError);
            await new Promise((resolve) => setImmediate(resolve));
          }
          if (reported.size >= enough) killed ??= postgres.kill();
        }
      };
      await Promise.all(Array.from({ length: 100 }, ask));
      await killed;
      await expect.poll(() => postgres.start().then(() => true, String)).toBe(true);
      await expect.poll(() => state.address("").then(() => true, String)).toBe(true);
    }
    await expectKnown(state, reported);
    await state.close();
    await postgres.remove();
  });
});
