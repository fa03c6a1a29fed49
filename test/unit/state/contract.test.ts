import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { MemoryState } from "../../../src/state/memory.ts";
import { openState } from "../../../src/state/open-state.ts";
import { stateContract } from "../../contract/state.ts";
import { TestPostgres } from "../../support/postgres.ts";
import { postgresqlSettings, sqliteSettings } from "../../support/stores.ts";

const onAvailability = () => {};

stateContract("memory", async () => ({ store: new MemoryState(), close: async () => {} }));

stateContract("SQLite", async () => {
  const folder = mkdtempSync(join(tmpdir(), "postern-state-"));
  const open = () => openState(sqliteSettings(join(folder, "new", "state.sqlite")), { onAvailability });
  return { store: open(), reopen: async () => open(), close: async () => rmSync(folder, { recursive: true }) };
});

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await TestPostgres.create();
});
afterAll(() => postgres.remove());

stateContract("PostgreSQL", async () => {
  const open = () => openState(postgresqlSettings(postgres.port), { onAvailability });
  return { store: open(), reopen: async () => open(), close: async () => {} };
});
