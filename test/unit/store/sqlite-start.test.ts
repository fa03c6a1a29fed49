/** A store of SQLite whose process cannot start, as while an upgrade replaces its files. */
import type { fork } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { openStore } from "../../../src/store/open-store.ts";
import { sqliteSettings } from "../../support/stores.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "postern-start-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

it("is tried again a second later, and what it wrote is one line of the cause", async () => {
  // What the store requires, so that it is seen by it.
  const childProcess = createRequire(import.meta.url)("node:child_process") as { fork: typeof fork };
  const real = childProcess.fork;
  const broken = join(folder, "broken.mjs");
  writeFileSync(broken, 'import "./gone.mjs";\n');
  let isBroken = true;
  let starts = 0;
  const started = vi.fn();
  childProcess.fork = ((program: string, ...more: [string[], object]) => {
    starts += 1;
    started();
    return real(isBroken ? broken : program, ...more);
  }) as typeof fork;
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  const causes: string[] = [];
  const failed = Promise.withResolvers<void>();
  const onAvailability = (_: string, up: boolean, cause?: unknown) => {
    causes.push(up ? "up" : `${(cause as Error).message}: ${(cause as Error).cause}`);
    failed.resolve();
  };
  const database = openStore(sqliteSettings(join(folder, "start.sqlite")), { readOnly: false, onAvailability });
  try {
    const first = database.query("SELECT 1", []);
    await failed.promise;
    expect(causes).toHaveLength(1);
    expect(causes[0]).toMatch(
      /^store "test": its process does not start: Error \[ERR_MODULE_NOT_FOUND\]: Cannot find module '.*gone\.mjs' .*$/,
    );
    // Further statements start none either.
    const second = database.query("SELECT 2", []);
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    vi.advanceTimersByTime(999);
    expect(starts).toBe(1);
    isBroken = false;
    vi.advanceTimersByTime(1);
    expect(await first).toMatchObject({ rows: [[1]] });
    expect(await second).toMatchObject({ rows: [[2]] });
    expect([starts, causes.at(-1)]).toEqual([2, "up"]);
  } finally {
    vi.useRealTimers();
    await database.close();
    childProcess.fork = real;
  }
});
