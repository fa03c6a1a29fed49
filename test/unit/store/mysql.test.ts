import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { openStore } from "../../../src/store/open-store.ts";
import { databaseServerContract } from "../../contract/database-server.ts";
import { TestMariadb } from "../../support/mariadb.ts";
import { whyNo } from "../../support/mta.ts";
import { mariadb } from "../../support/servers.ts";
import { mysqlSettings } from "../../support/stores.ts";

describe.skipIf(whyNo("MariaDB"))("MySQL", () => {
  databaseServerContract(mariadb);

  describe("what only MariaDB has", () => {
    let server: TestMariadb;
    const states: boolean[] = [];
    const open = (port: number) =>
      openStore(mysqlSettings(port), { readOnly: false, onAvailability: (_, up, _cause, isSame) => isSame || states.push(up) });
    beforeAll(async () => {
      server = await TestMariadb.create();
      const database = open(server.port);
      await database.run(`
        CREATE TABLE latin (address varchar(50) CHARACTER SET latin1 COLLATE latin1_general_ci, flags bit(4), small tinyint(1), year year);
        INSERT INTO latin VALUES ('jürgen@example.org', b'0101', 1, 2026)`);
      await database.close();
    });
    afterAll(() => server.remove());

    it("is in its socket", async () => {
      const database = openStore(mysqlSettings(0, { host: server.socket }), { readOnly: true, onAvailability: () => {} });
      expect(await database.query("SELECT flags, small, year FROM latin", [])).toEqual({ kind: "rows", rows: [[5, 1, 2026]] });
      await database.close();
    });

    it("is a procedure, whose first result counts", async () => {
      const database = open(server.port);
      await database.run("CREATE PROCEDURE two() BEGIN SELECT 1; SELECT 2; END");
      for (const maxRows of [1, undefined]) expect(await database.query("CALL two()", [], maxRows)).toEqual({ kind: "rows", rows: [[1]] });
      expect(states).toEqual([]);
      await database.close();
    });

    it("is in how columns compare, and what they cannot hold is no failure of the store", async () => {
      const database = open(server.port);
      const find = (address: string) => database.query("SELECT small FROM latin WHERE address = $1", [address]);
      expect(await find("JÜRGEN@example.org ")).toEqual({ kind: "rows", rows: [[1]] });
      expect(await find("jurgen@example.org")).toEqual({ kind: "rows", rows: [] });
      await expect(find("日@example.org")).rejects.toThrow("Illegal mix of collations");
      expect(states).toEqual([]);
      await database.close();
    });
  });
});

/** Commands of the protocol. */
const [query, prepare, carryOut] = [0x03, 0x16, 0x17]; // COM_QUERY, COM_STMT_PREPARE, COM_STMT_EXECUTE

/** Answers all at once, but a statement to be prepared when it is told to. */
async function preparingServer() {
  const commands: (number | undefined)[] = [];
  const prepared = Promise.withResolvers<void>();
  const [asked, closed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const packet = (sequence: number, ...octets: number[]) => Buffer.from([octets.length, 0, 0, sequence, ...octets]);
  const ok = (sequence: number) => packet(sequence, 0, 0, 0, 2, 0, 0, 0);
  const text = (value: string) => [...Buffer.from(`${value}\0`)];
  const server = createServer((socket) => {
    socket.on("error", () => {}).on("close", () => closed.resolve());
    // Protocol::HandshakeV10
    const [thread, capabilities, more] = [
      [1, 0, 0, 0],
      [0xff, 0xf7, 45, 2, 0],
      [0xff, 0xdf, 21, ...Array<number>(10).fill(0)],
    ];
    socket.write(
      packet(
        0,
        10,
        ...text("8.0.36"),
        ...thread,
        ...text("12345678"),
        ...capabilities,
        ...more,
        ...text("123456789012"),
        ...text("mysql_native_password"),
      ),
    );
    socket.once("data", () => {
      socket.write(ok(2));
      socket.on("data", (data) => {
        commands.push(data[4]);
        if (data[4] !== prepare) return socket.write(ok(1));
        asked.resolve();
        // COM_STMT_PREPARE_OK of statement 1, without parameters and columns.
        void prepared.promise.then(() => socket.write(packet(1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)));
        return true;
      });
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const end = () => new Promise((resolve) => server.close(resolve));
  return { port, commands, prepare: () => prepared.resolve(), asked: asked.promise, closed: closed.promise, end };
}

test.each([
  ["whose caller waits is carried out", false, [query, prepare, carryOut]],
  ["whose caller was told that it failed is not carried out when it is prepared", true, [query, prepare]],
])("a statement %s", async (_, isGivenUp, commands) => {
  const server = await preparingServer();
  const database = openStore(mysqlSettings(server.port), { readOnly: false, onAvailability: () => {} });
  const outcome = database.query("INSERT INTO t VALUES (1)", []).then(({ kind }) => kind, String);
  await server.asked;
  const closing = isGivenUp ? database.close() : undefined;
  if (isGivenUp) expect(await outcome).toMatch(/it is closed/);
  server.prepare();
  if (!isGivenUp) {
    expect(await outcome).toBe("changes");
    await database.close();
  }
  await closing;
  await server.closed;
  expect(server.commands.filter((command) => command !== 0x01)).toEqual(commands); // COM_QUIT
  await server.end();
});
