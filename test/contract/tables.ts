/** The world of the directory contract in the tables that contrib/sql has queries for. */
import { readFileSync } from "node:fs";
import { getStaticTOMLValue, parseTOML } from "toml-eslint-parser";
import type { Engine } from "../../src/expr/sql-text.ts";
import { defaultQueries } from "../../src/store/sample-queries.ts";
import type { Queries } from "../../src/store/store-settings.ts";

export interface Layout {
  readonly name: string;
  readonly queries: Queries;
  /** Creates and fills the tables. */
  readonly script: string;
}

const contrib = (file: string) => readFileSync(new URL(`../../contrib/sql/${file}`, import.meta.url), "utf8");

function queriesOf(file: string, store: string): Queries {
  // The files have this shape, and a query that is missing fails the contract.
  const value = getStaticTOMLValue(parseTOML(contrib(file))) as unknown as { store: Record<string, { query: Queries }> };
  const queries = value.store[store]?.query;
  if (queries === undefined) throw new Error(`${file} has no store ${store}`);
  // They have no table of who else may send as an address.
  return { ...queries, senders: defaultQueries.senders };
}

const postfixAdmin = (flag: string, yes: string, no: string) => `
  CREATE TABLE mailbox (username varchar(255) PRIMARY KEY, domain varchar(255), active ${flag});
  CREATE TABLE alias (address varchar(255) PRIMARY KEY, goto text, domain varchar(255), active ${flag});
  CREATE TABLE alias_domain (alias_domain varchar(255) PRIMARY KEY, target_domain varchar(255), active ${flag});
  CREATE TABLE domain (domain varchar(255) PRIMARY KEY, backupmx ${flag}, active ${flag});
  INSERT INTO domain VALUES ('ALL', ${no}, ${yes}), ('example.org', ${no}, ${yes}), ('example.net', ${no}, ${yes}),
    ('example.com', ${no}, ${no}), ('backup.example', ${yes}, ${yes});
  INSERT INTO alias_domain VALUES ('alias.example', 'example.org', ${yes}), ('off.example', 'example.org', ${no}),
    ('dead.example', 'example.com', ${yes});
  INSERT INTO mailbox VALUES ('john@example.org', 'example.org', ${yes}), ('jane@example.org', 'example.org', ${yes}),
    ('nobody@example.org', 'example.org', ${no}), ('lost@example.com', 'example.com', ${yes});
  INSERT INTO alias VALUES ('john@example.org', 'john@example.org,copy@elsewhere.example', 'example.org', ${yes}),
    ('jane@example.org', 'jane@example.org', 'example.org', ${yes}),
    ('j.doe@example.org', 'john@example.org', 'example.org', ${yes}),
    ('staff@example.org', 'john@example.org, jane@example.org', 'example.org', ${yes}),
    ('nobody@example.net', 'john@example.org', 'example.net', ${no}),
    ('nobody@example.org', 'nobody@example.org', 'example.org', ${yes}),
    ('lost@example.com', 'lost@example.com', 'example.com', ${yes}),
    ('former@example.org', 'nobody@example.org', 'example.org', ${yes}),
    ('moved@example.org', 'lost@example.com', 'example.org', ${yes}),
    ('some@example.org', 'nobody@example.org,jane@example.org', 'example.org', ${yes}),
    ('none@example.org', 'nobody@example.org,lost@example.com', 'example.org', ${yes}),
    ('away@example.org', 'away@elsewhere.example', 'example.org', ${yes}),
    ('@example.net', 'john@example.org', 'example.net', ${yes});
`;

const iRedMail = `
  CREATE TABLE mailbox (username varchar(255) PRIMARY KEY, domain varchar(255), active smallint);
  CREATE TABLE alias (address varchar(255) PRIMARY KEY, domain varchar(255), active smallint);
  CREATE TABLE forwardings (address varchar(255), forwarding varchar(255), domain varchar(255), is_list smallint DEFAULT 0,
    is_forwarding smallint DEFAULT 0, is_alias smallint DEFAULT 0, active smallint DEFAULT 1);
  CREATE TABLE alias_domain (alias_domain varchar(255) PRIMARY KEY, target_domain varchar(255), active smallint);
  CREATE TABLE domain (domain varchar(255) PRIMARY KEY, backupmx smallint, active smallint);
  INSERT INTO domain VALUES ('example.org', 0, 1), ('example.net', 0, 1), ('example.com', 0, 0), ('backup.example', 1, 1);
  INSERT INTO alias_domain VALUES ('alias.example', 'example.org', 1), ('off.example', 'example.org', 0), ('dead.example', 'example.com', 1);
  INSERT INTO mailbox VALUES ('john@example.org', 'example.org', 1), ('jane@example.org', 'example.org', 1), ('nobody@example.org', 'example.org', 0),
    ('lost@example.com', 'example.com', 1);
  INSERT INTO alias VALUES ('staff@example.org', 'example.org', 1), ('some@example.org', 'example.org', 1), ('none@example.org', 'example.org', 1),
    ('closed@example.org', 'example.org', 0);
  INSERT INTO forwardings (address, forwarding, domain, is_forwarding, active) VALUES
    ('john@example.org', 'john@example.org', 'example.org', 1, 1), ('john@example.org', 'copy@elsewhere.example', 'example.org', 1, 1),
    ('jane@example.org', 'jane@example.org', 'example.org', 1, 1), ('nobody@example.org', 'nobody@example.org', 'example.org', 1, 1),
    ('lost@example.com', 'lost@example.com', 'example.com', 1, 1);
  INSERT INTO forwardings (address, forwarding, domain, is_alias) VALUES ('j.doe@example.org', 'john@example.org', 'example.org', 1),
    ('former@example.org', 'nobody@example.org', 'example.org', 1), ('moved@example.org', 'lost@example.com', 'example.org', 1),
    ('away@example.org', 'away@elsewhere.example', 'example.org', 1);
  INSERT INTO forwardings (address, forwarding, domain, is_list) VALUES
    ('staff@example.org', 'john@example.org', 'example.org', 1), ('staff@example.org', 'jane@example.org', 'example.org', 1),
    ('some@example.org', 'nobody@example.org', 'example.org', 1), ('some@example.org', 'jane@example.org', 'example.org', 1),
    ('none@example.org', 'nobody@example.org', 'example.org', 1), ('none@example.org', 'lost@example.com', 'example.org', 1),
    ('closed@example.org', 'jane@example.org', 'example.org', 1);
  INSERT INTO forwardings (address, forwarding, domain) VALUES ('example.net', 'john@example.org', 'example.net');
`;

export function layouts(engine: Engine): readonly Layout[] {
  const [flag, yes, no] = engine === "sqlite" ? ["integer", "1", "0"] : ["boolean", "true", "false"];
  return [
    { name: "sample schema", queries: defaultQueries, script: contrib(`schema-${engine}.sql`) + contrib("examples.sql") },
    {
      name: "PostfixAdmin",
      queries: queriesOf(`postfixadmin-${engine}.toml`, "postfixadmin"),
      script: postfixAdmin(flag ?? "", yes ?? "", no ?? ""),
    },
    { name: "iRedMail", queries: queriesOf("iredmail.toml", "iredmail"), script: iRedMail },
  ];
}
