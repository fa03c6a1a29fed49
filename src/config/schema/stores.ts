/** The keys of stores. The queries are those of the sample schema in contrib/sql. */
import { z } from "zod";
import { defaultQueries } from "../../store/sample-queries.ts";
import type { Queries } from "../../store/store-settings.ts";
import { parseMysqlUrl, parsePostgresqlUrl, tlsModes } from "./database-url.ts";
import { duration, path, serverHost, word, written } from "./values.ts";

/** The store that always exists. */
export const embeddedName = "embedded";

/** Stands for its path, which the state directory gives. */
export const embeddedPath = ":embedded:";

const argument = "The argument is `$1` or `?`.";

function statement(name: keyof Queries, meaning: string) {
  return z
    .string()
    .default(defaultQueries[name])
    .meta({ description: `${meaning} ${argument}` });
}

const query = z
  .strictObject({
    recipients: statement("recipients", "Address to the accounts that have it; it exists if there is one."),
    emails: statement("emails", "Account to its addresses, the primary one first."),
    senders: statement(
      "senders",
      "Account to further addresses that it may send as by `session.auth.must-match-sender`, such as those of lists; `@example.org` is a whole domain.",
    ),
    members: statement("members", "Address of a list to the primary addresses of all its members; no row, no list."),
    expand: statement("expand", "The same for EXPN, where a part is enough."),
    verify: statement("verify", "A word of VRFY to the addresses that it may mean."),
    domains: z
      .string()
      .optional()
      .meta({ description: `Domain to a row, if it is local. ${argument}`, unset: "the one for the sample schema" }),
  })
  .prefault({});

const common = {
  timeout: duration("2s", "Deadline of one query, including the wait for a connection."),
  init: path.optional().meta({ description: "A file of SQL that is run at every start.", unset: "none" }),
  query,
};

const sqlite = z.strictObject({
  type: z.literal("sqlite").meta({ description: "A file of SQLite." }),
  path: path.meta({ description: "The file." }),
  ...common,
});

/** The store that always exists, where the file says nothing of it. */
export const embedded = sqlite.parse({ type: "sqlite", path: embeddedPath });

const port = z.int().min(1).max(65535).optional();
const database = word.optional();

/** Of every server: the login, and the way there. */
const login = {
  user: word.optional().meta({ description: "The user to log in as.", unset: "the user of the daemon" }),
  password: z.string().optional().meta({ description: "The password; better in `password-file`.", unset: "none" }),
  "password-file": path.optional().meta({ description: "A file whose first line is the password.", unset: "none" }),
  tls: z.enum(tlsModes).optional().meta({
    description:
      "The way to the server: `verify` encrypts and checks that the server's certificate is for `host`, `require` only encrypts, `prefer` encrypts if the server can, `disable` never does.",
    unset: '`"verify"`, or without `ca` and `cert` `"disable"` for a socket or a loopback address',
  }),
  ca: path
    .optional()
    .meta({ description: "A file of certificates (PEM) that the server's must come from.", unset: "the public authorities" }),
  cert: path.optional().meta({ description: "A file with the certificate (PEM) to log in by.", unset: "none" }),
  key: path.optional().meta({ description: "A file with the private key of `cert`.", unset: "none" }),
  pool: z.int().min(1).max(1000).default(10).meta({
    description: "The largest number of connections, and as many again while the server has not ended what was given up after `timeout`.",
  }),
  ...common,
};

const postgresql = z.strictObject({
  type: z.literal("postgresql").meta({ description: "A database of PostgreSQL." }),
  url: written(parsePostgresqlUrl)
    .optional()
    .meta({ description: "`postgresql://user@host:port/database`, in place of `host`; `?sslmode=` is `tls`.", unset: "none" }),
  host: serverHost.optional().meta({ description: "Name or address of the server, or the folder of its socket.", unset: "none" }),
  port: port.meta({ description: "Port of the server.", unset: "5432" }),
  database: database.meta({ description: "The database.", unset: "the name of the user" }),
  ...login,
});

const mysql = z.strictObject({
  type: z.literal("mysql").meta({ description: "A database of MySQL or MariaDB." }),
  url: written(parseMysqlUrl)
    .optional()
    .meta({ description: "`mysql://user@host:port/database`, in place of `host`; `?ssl-mode=` is `tls`.", unset: "none" }),
  host: serverHost.optional().meta({ description: "Name or address of the server.", unset: "none" }),
  socket: path.optional().meta({ description: "The socket of a server on this machine, in place of `host`.", unset: "none" }),
  port: port.meta({ description: "Port of the server.", unset: "3306" }),
  database: database.meta({ description: "The database; needed here or in `url`.", unset: "that of `url`" }),
  ...login,
});

export const storeTable = z
  .record(z.string(), z.discriminatedUnion("type", [sqlite, postgresql, mysql]))
  .prefault({})
  .meta({
    description:
      "SQL databases. `embedded`, an SQLite file in the state directory, always exists; `[store.embedded]` may have `init`, `timeout` and `query` and needs no `type`.",
  });
