/** Two daemons that keep greylist and throttles in one PostgreSQL, which goes away and comes back. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Daemon, startDaemon } from "../support/daemon.ts";
import { freePorts } from "../support/mta.ts";
import { openPolicy } from "../support/policy-client.ts";
import { TestPostgres } from "../support/postgres.ts";

const config = (port: number, postgres: number) => `
[listener.smtp]
protocol = "policy"
bind = ["127.0.0.1:${port}"]

[store.pg]
type = "postgresql"
url = "postgresql://postgres@127.0.0.1:${postgres}/postgres"

[storage]
state = "pg"

[directory.mta]
type = "mta"

[session.rcpt.greylist]
enable = "sender_domain != 'flood.example'"
delay = "1s"

[[session.throttle]]
key = ["sender"]
count = "recipients"
rate = "3/1h"
match = "sender_domain == 'flood.example'"
`;

let postgres: TestPostgres;
let directory: string;
const daemons: Daemon[] = [];

beforeAll(async () => {
  postgres = await TestPostgres.create();
  directory = mkdtempSync(join(tmpdir(), "postern-shared-"));
});

afterAll(async () => {
  await Promise.all(daemons.map((daemon) => daemon.stop()));
  await postgres.remove();
  rmSync(directory, { recursive: true });
});

const wait = "DEFER_IF_PERMIT 4.7.1 Greylisted, please try again in a few moments.";
const refused = "452 4.4.5 Rate limit exceeded, try again later.";

it("what one learns the other knows; without the store mail passes", async () => {
  const ports = await freePorts(2);
  for (const port of ports) {
    const listening = [{ host: "127.0.0.1", port }];
    daemons.push(await startDaemon({ directory: join(directory, String(port)), config: config(port, postgres.port), listening }));
  }
  const [one, other] = await Promise.all(ports.map(openPolicy));
  if (one === undefined || other === undefined) throw new Error("two ports were asked for");
  const greeting = { recipient: "john@example.org" };

  expect(await one.ask(greeting)).toBe(wait);
  await expect.poll(() => other.ask(greeting)).toBe("DUNNO");
  expect(await one.ask(greeting)).toBe("DUNNO");

  const flood = { sender: "a@flood.example", recipient: "john@example.org" };
  const answers: string[] = [];
  for (const client_port of ["1", "2", "3"]) {
    answers.push(...(await Promise.all([one, other].map((client) => client.ask({ ...flood, client_port })))));
  }
  expect(answers.toSorted()).toEqual([refused, refused, refused, "DUNNO", "DUNNO", "DUNNO"]);

  await postgres.stop();
  let strangers = 0;
  const stranger = () => one.ask({ sender: `s@${"x".repeat(++strangers)}.example`, recipient: "john@example.org" });
  await expect.poll(stranger).toBe("DUNNO");
  await daemons[0]?.logged(({ event, source, error }) => event === "state" && source === "pg" && error !== undefined);

  await postgres.start();
  await expect.poll(stranger).toBe(wait);
  await daemons[0]?.logged(({ event, source, error }) => event === "state" && source === "pg" && error === undefined);
  expect(await other.ask(greeting)).toBe("DUNNO");
  for (const client of [one, other]) client.end();
});
