/** How the way to a PostgreSQL server is protected, tried with real servers that have TLS or not. */
import { chownSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openStore } from "../../../src/store/open-store.ts";
import type { PostgresqlSettings, TlsSettings } from "../../../src/store/store-settings.ts";
import { issuedBy, makeCertificate } from "../../support/certificates.ts";
import { TestPostgres } from "../../support/postgres.ts";
import { postgresqlSettings } from "../../support/stores.ts";

const folder = mkdtempSync(join(tmpdir(), "postern-tls-"));
const file = (name: string) => join(folder, name);

let secured: TestPostgres;
let plain: TestPostgres;
let pem: (name: string) => string;

beforeAll(async () => {
  const ca = makeCertificate(folder, "ca", "/CN=test CA");
  makeCertificate(folder, "server", "/CN=localhost", ...issuedBy(ca), "-addext", "subjectAltName=DNS:localhost");
  makeCertificate(folder, "stranger", "/CN=localhost");
  pem = (name) => readFileSync(file(name), "utf8");
  plain = await TestPostgres.create();
  // The server reads its key as the user that it runs as.
  const { uid, gid } = statSync(plain.folder);
  for (const name of [folder, file("server.key"), file("server.pem"), file("ca.pem")]) chownSync(name, uid, gid);
  const files = { cert: "server.pem", key: "server.key", ca: "ca.pem" };
  secured = await TestPostgres.create(["ssl=on", ...Object.entries(files).map(([kind, name]) => `ssl_${kind}_file=${file(name)}`)]);
});
afterAll(async () => {
  await plain.remove();
  await secured.remove();
  rmSync(folder, { recursive: true });
});

const none = { ca: undefined, cert: undefined, key: undefined };
const isEncrypted = "SELECT CASE WHEN ssl THEN 1 ELSE 0 END FROM pg_stat_ssl WHERE pid = pg_backend_pid()";

/** 1: encrypted; 0: in clear; else why there is no connection. */
async function connect(server: TestPostgres, tls: TlsSettings, changes: Partial<PostgresqlSettings> = {}): Promise<unknown> {
  const settings = postgresqlSettings(server.port, { host: "localhost", tls, ...changes });
  const database = openStore(settings, { readOnly: true, onAvailability: () => {} });
  try {
    // Several connections at once find the same.
    const [first, ...others] = await Promise.all([1, 2, 3].map(() => database.query(isEncrypted, [])));
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

describe("whoever answers in place of a server", () => {
  it.each(["require", "verify"] as const)("is told nothing in clear with %s", async (mode) => {
    const heard: Buffer[] = [];
    const peers: Socket[] = [];
    const server = createServer((peer) => {
      peers.push(peer.on("error", () => {}));
      peer.on("data", (bytes) => {
        heard.push(bytes);
        peer.write("N");
      });
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const address = server.address();
    const port = typeof address === "object" ? (address?.port ?? 0) : 0;
    expect(await connect(plain, { mode, ...none }, { host: "127.0.0.1", port, user: "postern", password: "s3cret" })).toContain("no TLS");
    for (const peer of peers) peer.destroy();
    server.close();
    // SSLRequest (PostgreSQL, 54.7), and nothing else.
    expect(new Set(heard.map((bytes) => bytes.toString("hex")))).toEqual(new Set(["0000000804d2162f"]));
  });
});
