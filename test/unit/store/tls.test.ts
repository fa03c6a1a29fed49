/** How the way to a server is protected, tried with real servers that have TLS or not. */

import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { type AddressInfo, connect as connectTo, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openStore } from "../../../src/store/open-store.ts";
import type { TlsSettings } from "../../../src/store/store-settings.ts";
import type { Changes, ServerKind, TestServer } from "../../contract/database-server.ts";
import { issuedBy, makeCertificate } from "../../support/certificates.ts";
import { TestMariadb } from "../../support/mariadb.ts";
import { whyNo } from "../../support/mta.ts";
import { giveToServer, TestPostgres } from "../../support/postgres.ts";
import { mariadb, postgresql } from "../../support/servers.ts";

const folder = mkdtempSync(join(tmpdir(), "postern-tls-"));
const file = (name: string) => join(folder, name);
const pem = (name: string) => readFileSync(file(name), "utf8");

beforeAll(() => {
  const ca = makeCertificate(folder, "ca", "/CN=test CA");
  makeCertificate(folder, "server", "/CN=localhost", ...issuedBy(ca), "-addext", "subjectAltName=DNS:localhost");
  makeCertificate(folder, "address", "/CN=address", ...issuedBy(ca), "-addext", "subjectAltName=IP:127.0.0.1");
  makeCertificate(folder, "stranger", "/CN=localhost");
});
afterAll(() => rmSync(folder, { recursive: true }));

interface TlsKind extends ServerKind {
  /** With the certificate of this name. */
  secured(name: string): Promise<TestServer>;
  /** A query for 1 or 0. */
  readonly isEncrypted: string;
  /** What a server without TLS says at first, and to a client that asks for TLS. */
  readonly greeting: Buffer;
  readonly refusal: Buffer;
  /** All that a client may say to it, in hexadecimal digits. */
  readonly request: string;
}

const kinds: readonly TlsKind[] = [
  {
    ...postgresql,
    secured(name) {
      const files = { cert: `${name}.pem`, key: `${name}.key`, ca: "ca.pem" };
      // The server reads its key as the user that it runs as.
      giveToServer(folder, ...Object.values(files).map(file));
      return TestPostgres.create(["ssl=on", ...Object.entries(files).map(([kind, each]) => `ssl_${kind}_file=${file(each)}`)]);
    },
    isEncrypted: "SELECT CASE WHEN ssl THEN 1 ELSE 0 END FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
    greeting: Buffer.alloc(0),
    refusal: Buffer.from("N"),
    // SSLRequest (PostgreSQL, 54.7).
    request: "0000000804d2162f",
  },
  {
    ...mariadb,
    secured: (name) => TestMariadb.create([`--ssl-cert=${file(`${name}.pem`)}`, `--ssl-key=${file(`${name}.key`)}`]),
    isEncrypted: "SELECT variable_value <> '' FROM information_schema.session_status WHERE variable_name = 'Ssl_cipher'",
    greeting: handshake(),
    refusal: Buffer.alloc(0),
    request: "",
  },
];

/** Protocol::HandshakeV10 of a server without CLIENT_SSL. */
function handshake(): Buffer {
  const [thread, capabilities, more, status] = ["\x01\0\0\0", "\xff\xf7", "\x08\0", "\x02\0"];
  const payload = `\n5.5.5-test\0${thread}12345678\0${capabilities}!${status}${more}\x15${"\0".repeat(10)}123456789012\0mysql_native_password\0`;
  return Buffer.from(`${String.fromCharCode(payload.length)}\0\0\0${payload}`, "latin1");
}

const none = { ca: undefined, cert: undefined, key: undefined };

for (const kind of kinds) {
  describe.skipIf(kind.engine === "mysql" && whyNo("MariaDB"))(kind.name, () => {
    let secured: TestServer;
    let plain: TestServer;
    beforeAll(async () => {
      plain = await kind.create();
      secured = await kind.secured("server");
    });
    afterAll(async () => {
      await plain.remove();
      await secured.remove();
    });

    /** 1: encrypted; 0: in clear; else why there is no connection. */
    async function connect({ port }: { readonly port: number }, tls: TlsSettings, changes: Changes = {}): Promise<unknown> {
      const settings = kind.settings(port, { host: "localhost", tls, ...changes });
      const database = openStore(settings, { readOnly: true, onAvailability: () => {} });
      try {
        // Several connections at once find the same.
        const [first, ...others] = await Promise.all([1, 2, 3].map(() => database.query(kind.isEncrypted, [])));
        for (const other of others) expect(other).toEqual(first);
        return first?.kind === "rows" ? first.rows[0]?.[0] : undefined;
      } catch (error) {
        return String(error);
      } finally {
        await database.close();
      }
    }

    describe("a server with TLS", () => {
      it.each(["prefer", "require"] as const)("%s encrypts, whatever the certificate is", async (mode) => {
        expect(await connect(secured, { mode, ...none })).toBe(1);
      });

      it("verify needs a certificate that comes from the right place and is for the host", async () => {
        expect(await connect(secured, { mode: "verify", ...none, ca: pem("ca.pem") })).toBe(1);
        expect(await connect(secured, { mode: "verify", ...none })).toMatch(/certificate/);
        expect(await connect(secured, { mode: "verify", ...none, ca: pem("stranger.pem") })).toMatch(/certificate/);
        expect(await connect(secured, { mode: "verify", ...none, ca: pem("ca.pem") }, { host: "127.0.0.1" })).toMatch(/127\.0\.0\.1/);
      });

      // pg leaves this to Node.js, which does it.
      it.runIf(kind.engine === "mysql")("verify takes a certificate for an address", async () => {
        const server = await kind.secured("address");
        expect(await connect(server, { mode: "verify", ...none, ca: pem("ca.pem") }, { host: "127.0.0.1" })).toBe(1);
        await server.remove();
      });

      it
        .runIf(kind.engine === "postgresql")
        .each([{ mode: "verify", ...none }, { mode: "require", ...none }, { mode: "prefer", ...none }, { mode: "disable" }] as const)(
        "$mode ends in the server, too, what is given up",
        async (tls) => {
          const ca = tls.mode === "verify" ? { ca: pem("ca.pem") } : {};
          const changes = { host: "localhost", timeoutMs: 60_000 };
          for (const server of tls.mode === "prefer" ? [secured, plain] : [secured]) {
            const settings = kind.settings(server.port, { ...changes, tls: { ...tls, ...ca } });
            const busy = openStore(settings, { readOnly: true, onAvailability: () => {} });
            const watch = openStore(settings, { readOnly: true, onAvailability: () => {} });
            const sleeping = async () => {
              const found = await watch.query(kind.sleeping, []);
              return found.kind === "rows" ? found.rows[0]?.[0] : undefined;
            };
            const answer = Promise.allSettled([busy.query(kind.sleep, [])]);
            await expect.poll(sleeping).toBe(1);
            await busy.close();
            await answer;
            await expect.poll(sleeping).toBe(0);
            await watch.close();
          }
        },
      );

      it("disable does not encrypt", async () => {
        expect(await connect(secured, { mode: "disable" })).toBe(0);
      });
    });

    describe("a server without TLS", () => {
      it.each(["prefer", "disable"] as const)("%s goes on in clear", async (mode) => {
        expect(await connect(plain, mode === "disable" ? { mode } : { mode, ...none })).toBe(0);
      });

      it.each(["require", "verify"] as const)("%s does not, and says so", async (mode) => {
        expect(await connect(plain, { mode, ...none })).toContain("the server offers no TLS");
      });
    });

    it("prefer tries it with each new connection, whatever the one before had", async () => {
      let target = plain;
      const peers = new Set<Socket>();
      const proxy = createServer((peer) => {
        const server = connectTo(target.port, "127.0.0.1");
        for (const [one, other] of [[peer, server] as const, [server, peer] as const]) {
          peers.add(one);
          one.pipe(other);
          one.on("error", () => {}).on("close", () => other.destroy());
        }
      }).listen(0, "127.0.0.1");
      await once(proxy, "listening");
      const { port } = proxy.address() as AddressInfo;
      const tls = { mode: "prefer", ...none } as const;
      const database = openStore(kind.settings(port, { host: "localhost", tls }), { readOnly: true, onAvailability: () => {} });
      for (const [server, isEncrypted] of [[plain, 0] as const, [secured, 1] as const, [plain, 0] as const]) {
        target = server;
        for (const peer of peers) peer.destroy();
        peers.clear();
        await expect.poll(() => database.query(kind.isEncrypted, []).catch(String)).toEqual({ kind: "rows", rows: [[isEncrypted]] });
      }
      await database.close();
      for (const peer of peers) peer.destroy();
      proxy.close();
    });

    it.each(["require", "verify"] as const)("whoever answers in place of a server is told nothing in clear with %s", async (mode) => {
      const heard: Buffer[] = [];
      const peers: Socket[] = [];
      const server = createServer((peer) => {
        peers.push(peer.on("error", () => {}));
        peer.write(kind.greeting);
        peer.on("data", (bytes) => {
          heard.push(bytes);
          peer.write(kind.refusal);
        });
      }).listen(0, "127.0.0.1");
      await new Promise((resolve) => server.once("listening", resolve));
      const address = server.address();
      const port = typeof address === "object" ? (address?.port ?? 0) : 0;
      const login = { host: "127.0.0.1", user: "postern", password: "s3cret" };
      expect(await connect({ port }, { mode, ...none }, login)).toContain("no TLS");
      for (const peer of peers) peer.destroy();
      server.close();
      expect(new Set(heard.map((bytes) => bytes.toString("hex")))).toEqual(new Set(kind.request === "" ? [] : [kind.request]));
    });
  });
}
