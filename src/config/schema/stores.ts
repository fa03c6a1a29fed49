/** The keys of stores. The queries are those of the sample schema in contrib/sql. */
import { z } from "zod";
import { defaultQueries } from "../../store/sample-queries.ts";
import type { Queries } from "../../store/store-settings.ts";
import { duration, path, word } from "./values.ts";

/** The store that always exists. */
export const embeddedName = "embedded";

/** Stands for its path, which the state directory gives. */
export const embeddedPath = ":embedded:";

function statement(name: keyof Queries, meaning: string) {
  return z
    .string()
    .min(1)
    .default(defaultQueries[name])
    .meta({ description: `${meaning} The argument is \`$1\` or \`?\`.` });
}

const query = z
  .strictObject({
    recipients: statement("recipients", "Address to the accounts that have it; it exists if there is one."),
    emails: statement("emails", "Account to its addresses, the primary one first."),
    members: statement("members", "Address of a list to the primary addresses of all its members; no row, no list."),
    expand: statement("expand", "The same for EXPN, where a part is enough."),
    verify: statement("verify", "A word of VRFY to the addresses that it may mean."),
    domains: statement("domains", "Domain to a row, if it is local."),
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

const postgresql = z.strictObject({
  type: z.literal("postgresql").meta({ description: "A database of PostgreSQL." }),
  url: z
    .string()
    .optional()
    .superRefine((text, context) => {
      const protocol = text === undefined ? "postgresql:" : URL.parse(text)?.protocol;
      if (protocol === "postgresql:" || protocol === "postgres:") return;
      context.addIssue("is not the URL of a PostgreSQL database. Write it like postgresql://user@db.example.org/name.");
    })
    .meta({ description: "`postgresql://user@host:port/database`, in place of `host`.", unset: "none" }),
  host: word.optional().meta({ description: "Name or address of the server, or the folder of its socket.", unset: "none" }),
  port: z.int().min(1).max(65535).optional().meta({ description: "Port of the server.", unset: "5432" }),
  database: word.optional().meta({ description: "The database.", unset: "the name of the user" }),
  user: word.optional().meta({ description: "The user to log in as.", unset: "the user of the daemon" }),
  password: z.string().optional().meta({ description: "The password; better in `password-file`.", unset: "none" }),
  "password-file": path.optional().meta({ description: "A file whose first line is the password.", unset: "none" }),
  pool: z.int().min(1).max(1000).default(10).meta({ description: "The largest number of connections." }),
  ...common,
});

export const storeTable = z
  .record(z.string(), z.discriminatedUnion("type", [sqlite, postgresql]))
  .prefault({})
  .meta({
    description:
      "SQL databases. `embedded`, an SQLite file in the state directory, always exists; `[store.embedded]` may have `init`, `timeout` and `query` and needs no `type`.",
  });
