/** What a PostgreSQL store's keys and its URL say alike: the server, the login, and how the way there is protected. */
import { describe, expect, it } from "vitest";
import { renderConfiguration } from "../../../src/config/docs/print.ts";
import { parseConfiguration } from "../../../src/config/load.ts";
import type { PostgresqlSettings } from "../../../src/store/store-settings.ts";

const pem = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n";

function load(lines: string) {
  const text = `[store.pg]\ntype = "postgresql"\n${lines}\n`;
  const { configuration, problems } = parseConfiguration(text, "/etc/postern/postern.toml", () => pem, { serves: false });
  return { configuration, problems: problems.map(({ key, message }) => `${key}: ${message}`) };
}

function store(lines: string): PostgresqlSettings {
  const { configuration, problems } = load(lines);
  const settings = configuration?.stores.get("pg");
  if (settings?.type !== "postgresql") throw new Error(problems.join("\n"));
  return settings;
}

describe("the server and the login", () => {
  it.each<[string, Partial<PostgresqlSettings>]>([
    ['url = "postgresql:///mail"', { host: "localhost", port: undefined, database: "mail", user: undefined, password: undefined }],
    [
      'url = "postgres://u%40x:p%2Fw@DB.example.org:5433/m%20l"',
      { host: "DB.example.org", port: 5433, database: "m l", user: "u@x", password: "p/w" },
    ],
    ['url = "postgresql://[::1]:5433"', { host: "::1", port: 5433, database: undefined }],
    ['url = "postgresql://%2Frun%2Fpostgresql/mail"', { host: "/run/postgresql", database: "mail" }],
    [
      'url = "postgresql:///?host=/run/postgresql&port=5433&dbname=mail&user=u&password=p"',
      { host: "/run/postgresql", port: 5433, database: "mail", user: "u", password: "p" },
    ],
    ['url = "postgresql://u:p@db/mail?options=-csearch_path%3Dx"', { options: "-csearch_path=x" }],
    ['url = "postgresql://u:p@db/mail"\npassword = "own?&"', { user: "u", password: "own?&" }],
    [
      'host = "db"\nport = 5433\ndatabase = "mail"\nuser = "u"',
      { host: "db", port: 5433, database: "mail", user: "u", options: undefined },
    ],
  ])("%s", (lines, expected) => {
    expect(store(lines)).toMatchObject(expected);
  });
});

describe("TLS", () => {
  it.each([
    // To another machine everything is encrypted, for a server that is known, unless something else is written.
    ['host = "db.example.org"', "verify"],
    ['host = "192.0.2.1"', "verify"],
    ['host = "2001:db8::1"', "verify"],
    ['host = "localhost.example.org"', "verify"],
    ['host = "127.example.org"', "verify"],
    ['url = "postgresql://db.example.org/mail"', "verify"],
    ['url = "postgresql://localhost/mail?host=db.example.org"', "verify"],
    // What stays on this machine.
    ['host = "127.0.0.1"', "disable"],
    ['host = "127.1.2.3"', "disable"],
    ['host = "::1"', "disable"],
    ['host = "LocalHost"', "disable"],
    ['host = "/run/postgresql"', "disable"],
    ['url = "postgresql:///mail"', "disable"],
    ['url = "postgresql://db.example.org/mail?host=/run/postgresql"', "disable"],
    // As it is written.
    ['host = "127.0.0.1"\ntls = "verify"', "verify"],
    ['host = "127.0.0.1"\nca = "ca.pem"', "verify"],
    ['host = "127.0.0.1"\ncert = "c.pem"\nkey = "k.pem"', "verify"],
    ['host = "db.example.org"\ntls = "require"', "require"],
    ['host = "db.example.org"\ntls = "prefer"', "prefer"],
    ['host = "db.example.org"\ntls = "disable"', "disable"],
    ['url = "postgresql://db.example.org/mail"\ntls = "disable"', "disable"],
    ['url = "postgresql://db/mail?sslmode=disable"', "disable"],
    ['url = "postgresql://db/mail?sslmode=allow"', "prefer"],
    ['url = "postgresql://db/mail?sslmode=prefer"', "prefer"],
    ['url = "postgresql://db/mail?sslmode=require"', "require"],
    ['url = "postgresql://db/mail?sslmode=verify-ca"', "verify"],
    ['url = "postgresql://127.0.0.1/mail?sslmode=verify-full"', "verify"],
  ])("%s: %s", (lines, mode) => {
    const settings = store(lines);
    expect(settings.tls.mode).toBe(mode);
    const { configuration } = load(lines);
    const printed = configuration && renderConfiguration(configuration);
    const again = parseConfiguration(printed ?? "", "/etc/postern/postern.toml", () => pem, { serves: false });
    expect(again.configuration?.stores.get("pg")).toEqual(settings);
  });

  it("files are read when the configuration is", () => {
    const text = 'host = "db"\nca = "ca.pem"\ncert = "c.pem"\nkey = "k.pem"';
    expect(store(text).tls).toEqual({ mode: "verify", ca: pem, cert: pem, key: pem });
  });
});

describe("passwords are not shown", () => {
  it.each([
    'url = "postgresql://u:geheim@db/mail"',
    'url = "postgresql://u@db/mail?password=geheim"',
    'url = "postgresql://u:geheim@db/mail?password=geheim&sslmode=require"',
    'host = "db"\npassword = "geheim"',
    'url = "postgresql://u:geheim@db/mail?sslpassword=geheim"',
    'url = "postgresql://u:geheim@db/mail?sslmode=Require"',
    'url = "postgresql://u:geheim@db/mail%"',
    'url = "postgresql://u:geheim@db:99999/mail"',
  ])("%s", (lines) => {
    const { configuration, problems } = load(lines);
    expect(`${configuration && renderConfiguration(configuration)}${problems}`).not.toContain("geheim");
  });
});
