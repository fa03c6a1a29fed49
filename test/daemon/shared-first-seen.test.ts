/** Two daemons on one PostgreSQL, asked about the same by a hundred connections at once: they agree who was first, and how many there were. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Daemon, startDaemon } from "../support/daemon.ts";
import { freePorts } from "../support/mta.ts";
import { loadPolicy, type PolicyAnswer } from "../support/policy-load.ts";
import { TestPostgres } from "../support/postgres.ts";
import { isLong } from "../support/runs.ts";

const triplets = 1000;
const connections = 50;
/** How often each triplet is asked about at each daemon. */
const repeats = isLong ? connections : 2;

const config = (port: number, postgres: number) => `
[log]
level = "warn"
[listener.smtp]
protocol = "policy"
bind = ["127.0.0.1:${port}"]
max-connections = 200
[store.pg]
type = "postgresql"
url = "postgresql://postgres@127.0.0.1:${postgres}/postgres"
timeout = "20s"
[storage]
state = "pg"
[directory.mta]
type = "mta"
[session.rcpt.greylist]
enable = "sender_domain != 'flood.example'"
on-store-failure = "defer"
[[session.throttle]]
key = ["sender"]
count = "recipients"
rate = "100/1h"
match = "sender_domain == 'flood.example'"
on-store-failure = "defer"
`;

const wait = "DEFER_IF_PERMIT 4.7.1 Greylisted, please try again in a few moments.";
const refused = "452 4.4.5 Rate limit exceeded, try again later.";

let postgres: TestPostgres;
let folder: string;
let ports: readonly number[];
const daemons: Daemon[] = [];

beforeAll(async () => {
  postgres = await TestPostgres.create(["fsync=on"]);
  folder = mkdtempSync(join(tmpdir(), "postern-first-"));
  ports = await freePorts(2);
  for (const port of ports) {
    const listening = [{ host: "127.0.0.1", port }];
    daemons.push(await startDaemon({ directory: join(folder, String(port)), config: config(port, postgres.port), listening }));
  }
});

afterAll(async () => {
  await Promise.all(daemons.map((daemon) => daemon.stop()));
  await postgres.remove();
  rmSync(folder, { recursive: true });
});

async function query<Row extends pg.QueryResultRow>(sql: string): Promise<readonly Row[]> {
  const client = new pg.Client({ host: "127.0.0.1", port: postgres.port, user: "postgres", database: "postgres" });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

/** All connections of both daemons ask the same number of questions, in the same order. */
async function askBoth(
  perDaemon: number,
  question: (index: number) => Readonly<Record<string, string>>,
  onAnswer: OnAnswer,
): Promise<void> {
  await Promise.all(
    ports.map((port) => {
      let index = 0;
      return loadPolicy({ port, connections, next: () => (index < perDaemon ? question(index++) : undefined), onAnswer });
    }),
  );
}

type OnAnswer = (question: Readonly<Record<string, string>>, answer: PolicyAnswer) => void;

describe("two daemons at the same instant", () => {
  it("greylist each triplet from one first time on", async () => {
    /** By recipient, the time before which it was not asked, and the one at which somebody had been answered. */
    const bounds = new Map<string, { asked: number; answered: number }>();
    const actions = new Map<string, number>();
    await askBoth(
      triplets * repeats,
      (index) => ({ recipient: `r${index % triplets}@example.org` }),
      ({ recipient = "" }, { action, asked, answered }) => {
        actions.set(action, (actions.get(action) ?? 0) + 1);
        const known = bounds.get(recipient) ?? { asked, answered };
        bounds.set(recipient, { asked: Math.min(known.asked, asked), answered: Math.min(known.answered, answered) });
      },
    );
    expect(Object.fromEntries(actions)).toEqual({ [wait]: 2 * repeats * triplets });

    const rows = await query<{ recipient: string; first: string }>("SELECT recipient, first_seen AS first FROM postern_greylist");
    expect(rows).toHaveLength(triplets);
    const late = rows.filter(({ recipient, first }) => {
      const { asked, answered } = bounds.get(recipient) ?? { asked: Infinity, answered: 0 };
      return Number(first) < asked || Number(first) > answered;
    });
    expect(late).toEqual([]);
  });

  it("let exactly 100 through a throttle of 100", async () => {
    const actions = new Map<string, number>();
    await askBoth(
      1000,
      () => ({ sender: "a@flood.example", recipient: "john@example.org" }),
      (_, { action }) => actions.set(action, (actions.get(action) ?? 0) + 1),
    );
    expect(Object.fromEntries(actions)).toEqual({ DUNNO: 100, [refused]: 1900 });
  });

  it("without an error, a deadlock or a second write of what was there", async () => {
    // Each has said that the throttle reached its limit, and nothing else.
    const said = () => daemons.flatMap((daemon) => daemon.untaken().map(({ event }) => event));
    await expect.poll(said).toEqual(["throttle", "throttle"]);
    // The server counts what a connection did when it closes.
    await Promise.all(daemons.map((daemon) => daemon.stop()));
    const counts = () =>
      query(`
        SELECT t.n_tup_ins - t.n_tup_del AS inserted, t.n_tup_upd AS updated, d.deadlocks
        FROM pg_stat_user_tables AS t, pg_stat_database AS d
        WHERE t.relname = 'postern_greylist' AND d.datname = current_database()`);
    await expect.poll(counts).toEqual([{ inserted: String(triplets), updated: "0", deadlocks: "0" }]);
  });
});
