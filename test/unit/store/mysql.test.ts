import { afterAll, beforeAll, describe, expect, it } from "vitest";
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
