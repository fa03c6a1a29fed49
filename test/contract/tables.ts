/** The world of the directory contract in the tables that contrib/sql has queries for. */
import { readFileSync } from "node:fs";
import { getStaticTOMLValue, parseTOML } from "toml-eslint-parser";
import type { Engine } from "../../src/expr/sql-text.ts";
import { defaultQueries, sampleDomains } from "../../src/store/sample-queries.ts";
import type { Queries } from "../../src/store/store-settings.ts";

export interface Layout {
  readonly name: string;
  readonly queries: Queries;
  /** Whether mail for a domain is taken and passed on. */
  readonly relayed: string;
  /** Creates and fills the tables. */
  readonly script: string;
}

const contrib = (file: string) => readFileSync(new URL(`../../contrib/sql/${file}`, import.meta.url), "utf8");

/** What a file of contrib asks. */
function published(file: string, store: string): Pick<Layout, "queries" | "relayed"> {
  // The files have this shape, and a query that is missing fails the contract.
  const value = getStaticTOMLValue(parseTOML(contrib(file))) as unknown as Published;
  const [queries, relayed] = [value.store[store]?.query, value["lookup-sql"]["relay-domains"]?.query];
  if (queries === undefined || relayed === undefined) throw new Error(`${file} has no store ${store}, or no relay-domains`);
  // They have no table of who else may send as an address.
  return { queries: { ...queries, senders: defaultQueries.senders }, relayed };
}

interface Published {
  readonly store: Readonly<Record<string, { readonly query: Queries }>>;
  readonly "lookup-sql": Readonly<Record<string, { readonly query: string }>>;
}

export interface Flags {
  readonly flag: string;
  readonly yes: string;
  readonly no: string;
}

export const flags: Readonly<Record<Engine, Flags>> = {
  sqlite: { flag: "integer", yes: "1", no: "0" },
  postgresql: { flag: "boolean", yes: "true", no: "false" },
  mysql: { flag: "tinyint(1)", yes: "1", no: "0" },
};

const postfixAdmin = ({ flag, yes, no }: Flags, options = "") => `
  CREATE TABLE mailbox (username varchar(255) PRIMARY KEY, domain varchar(255), active ${flag})${options};
  CREATE TABLE alias (address varchar(255) PRIMARY KEY, goto text, domain varchar(255), active ${flag})${options};
  CREATE TABLE alias_domain (alias_domain varchar(255) PRIMARY KEY, target_domain varchar(255), active ${flag})${options};
  CREATE TABLE domain (domain varchar(255) PRIMARY KEY, transport varchar(255), backupmx ${flag}, active ${flag})${options};
  INSERT INTO domain (domain, backupmx, active) VALUES ('ALL', ${no}, ${yes}), ('example.org', ${no}, ${yes}), ('example.net', ${no}, ${yes}),
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
  CREATE TABLE mailbox (username varchar(255) PRIMARY KEY, domain varchar(255), active smallint, enabledeliver smallint DEFAULT 1);
  CREATE TABLE alias (address varchar(255) PRIMARY KEY, domain varchar(255), active smallint);
  CREATE TABLE forwardings (address varchar(255), forwarding varchar(255), domain varchar(255), is_list smallint DEFAULT 0,
    is_forwarding smallint DEFAULT 0, is_alias smallint DEFAULT 0, active smallint DEFAULT 1);
  CREATE TABLE alias_domain (alias_domain varchar(255) PRIMARY KEY, target_domain varchar(255), active smallint);
  CREATE TABLE domain (domain varchar(255) PRIMARY KEY, transport varchar(255) DEFAULT 'dovecot', backupmx smallint, active smallint);
  INSERT INTO domain (domain, backupmx, active) VALUES ('example.org', 0, 1), ('example.net', 0, 1), ('example.com', 0, 0), ('backup.example', 1, 1);
  INSERT INTO alias_domain VALUES ('alias.example', 'example.org', 1), ('off.example', 'example.org', 0), ('dead.example', 'example.com', 1);
  INSERT INTO mailbox (username, domain, active) VALUES ('john@example.org', 'example.org', 1), ('jane@example.org', 'example.org', 1),
    ('nobody@example.org', 'example.org', 0), ('lost@example.com', 'example.com', 1);
  INSERT INTO mailbox VALUES ('silent@example.org', 'example.org', 1, 0);
  INSERT INTO alias VALUES ('staff@example.org', 'example.org', 1), ('some@example.org', 'example.org', 1), ('none@example.org', 'example.org', 1),
    ('closed@example.org', 'example.org', 0);
  INSERT INTO forwardings (address, forwarding, domain, is_forwarding, active) VALUES
    ('john@example.org', 'john@example.org', 'example.org', 1, 1), ('john@example.org', 'copy@elsewhere.example', 'example.org', 1, 1),
    ('jane@example.org', 'jane@example.org', 'example.org', 1, 1), ('nobody@example.org', 'nobody@example.org', 'example.org', 1, 1),
    ('lost@example.com', 'lost@example.com', 'example.com', 1, 1), ('silent@example.org', 'silent@example.org', 'example.org', 1, 1);
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

/** The tables of PostfixAdmin, with those that mailcow has besides. */
const mailcow = `${postfixAdmin(flags.mysql)}
  DELETE FROM domain WHERE domain = 'ALL';
  ALTER TABLE domain DROP COLUMN transport;
  ALTER TABLE mailbox ADD COLUMN kind varchar(100) NOT NULL DEFAULT '';
  CREATE TABLE recipient_maps (old_dest varchar(255) NOT NULL, new_dest varchar(255) NOT NULL, active tinyint(1) NOT NULL DEFAULT 0);
  CREATE TABLE spamalias (address varchar(255) PRIMARY KEY, goto text NOT NULL, validity int, permanent tinyint(1) NOT NULL);
  INSERT INTO spamalias VALUES ('brief@example.org', 'john@example.org', unix_timestamp() + 3600, 0),
    ('kept@example.org', 'john@example.org', 0, 1), ('closed@example.org', 'john@example.org', unix_timestamp() - 3600, 0);
  UPDATE mailbox SET active = 2 WHERE username = 'jane@example.org';
`;

const ispConfig = `
  CREATE TABLE mail_domain (domain varchar(255), active enum('n','y')) CHARSET utf8mb3;
  CREATE TABLE mail_user (email varchar(255), cc text, forward_in_lda enum('n','y') NOT NULL DEFAULT 'n', postfix enum('n','y') NOT NULL DEFAULT 'y',
    disabledeliver enum('n','y') NOT NULL DEFAULT 'n', disablesmtp enum('n','y') NOT NULL DEFAULT 'n') CHARSET utf8mb3;
  CREATE TABLE mail_forwarding (source varchar(255), destination text, type enum('alias','aliasdomain','forward','catchall'),
    active enum('n','y')) CHARSET utf8mb3;
  CREATE TABLE mail_transport (domain varchar(255), transport varchar(255) NOT NULL DEFAULT '', active enum('n','y')) CHARSET utf8mb3;
  CREATE TABLE mail_relay_domain (domain varchar(255), access varchar(255) NOT NULL DEFAULT 'OK', active varchar(255) NOT NULL DEFAULT 'y') CHARSET utf8mb3;
  INSERT INTO mail_domain VALUES ('example.org', 'y'), ('example.net', 'y'), ('example.com', 'n'), ('alias.example', 'y'), ('dead.example', 'y');
  INSERT INTO mail_user (email, cc, postfix, disabledeliver) VALUES ('john@example.org', 'copy@elsewhere.example', 'y', 'n'), ('jane@example.org', '', 'y', 'n'),
    ('nobody@example.org', '', 'n', 'n'), ('closed@example.org', '', 'y', 'y'), ('lost@example.com', '', 'y', 'n');
  INSERT INTO mail_forwarding VALUES ('j.doe@example.org', 'john@example.org', 'alias', 'y'),
    ('staff@example.org', 'john@example.org,jane@example.org', 'forward', 'y'),
    ('some@example.org', 'nobody@example.org, jane@example.org', 'forward', 'y'),
    ('none@example.org', 'nobody@example.org,lost@example.com', 'forward', 'y'),
    ('former@example.org', 'nobody@example.org', 'alias', 'y'), ('moved@example.org', 'lost@example.com', 'alias', 'y'),
    ('away@example.org', 'away@elsewhere.example', 'forward', 'y'), ('nobody@example.net', 'john@example.org', 'alias', 'n'),
    ('@example.net', 'john@example.org', 'catchall', 'y'), ('@alias.example', '@example.org', 'aliasdomain', 'y'),
    ('@off.example', '@example.org', 'aliasdomain', 'n'), ('@dead.example', '@example.com', 'aliasdomain', 'y');
  INSERT INTO mail_relay_domain (domain, active) VALUES ('backup.example', 'y'), ('off.example', 'n');
`;

const modoboa = ({ flag, yes, no }: Flags) => `
  CREATE TABLE admin_domain (id integer PRIMARY KEY, name varchar(100), enabled ${flag}, type varchar(20));
  CREATE TABLE admin_domainalias (name varchar(100), target_id integer, enabled ${flag});
  CREATE TABLE core_user (id integer PRIMARY KEY, email varchar(254), is_active ${flag});
  CREATE TABLE admin_mailbox (id integer PRIMARY KEY, address varchar(252), domain_id integer, user_id integer, is_send_only ${flag});
  CREATE TABLE admin_alias (id integer PRIMARY KEY, address varchar(254), enabled ${flag}, internal ${flag}, expire_at timestamp NULL);
  CREATE TABLE modoboa_admin_aliasrecipient (address varchar(254), alias_id integer, r_mailbox_id integer);
  INSERT INTO admin_domain VALUES (1, 'example.org', ${yes}, 'domain'), (2, 'example.net', ${yes}, 'domain'), (3, 'example.com', ${no}, 'domain'),
    (4, 'backup.example', ${yes}, 'relaydomain');
  INSERT INTO admin_domainalias VALUES ('alias.example', 1, ${yes}), ('off.example', 1, ${no}), ('dead.example', 3, ${yes});
  INSERT INTO core_user VALUES (1, 'john@example.org', ${yes}), (2, 'jane@example.org', ${yes}), (3, 'nobody@example.org', ${no}),
    (4, 'lost@example.com', ${yes}), (5, 'closed@example.org', ${yes});
  INSERT INTO admin_mailbox VALUES (1, 'john', 1, 1, ${no}), (2, 'jane', 1, 2, ${no}), (3, 'nobody', 1, 3, ${no}), (4, 'lost', 3, 4, ${no}),
    (5, 'closed', 1, 5, ${yes});
  INSERT INTO admin_alias (id, address, internal, enabled) VALUES (1, 'john@example.org', ${yes}, ${yes}), (2, 'jane@example.org', ${yes}, ${yes}),
    (3, 'nobody@example.org', ${yes}, ${yes}), (4, 'lost@example.com', ${yes}, ${yes}), (5, 'closed@example.org', ${yes}, ${yes}),
    (11, 'j.doe@example.org', ${no}, ${yes}), (12, 'staff@example.org', ${no}, ${yes}), (13, 'some@example.org', ${no}, ${yes}),
    (14, 'none@example.org', ${no}, ${yes}), (15, 'former@example.org', ${no}, ${yes}), (16, 'moved@example.org', ${no}, ${yes}),
    (17, 'away@example.org', ${no}, ${yes}), (18, '@example.net', ${no}, ${yes}), (19, '@alias.example', ${yes}, ${yes}),
    (20, 'nobody@example.net', ${no}, ${no});
  INSERT INTO admin_alias VALUES (21, 'john@example.net', ${yes}, ${no}, '2001-02-03 04:05:06');
  INSERT INTO modoboa_admin_aliasrecipient VALUES ('john@example.org', 1, 1), ('copy@elsewhere.example', 1, NULL), ('jane@example.org', 2, 2),
    ('nobody@example.org', 3, 3), ('lost@example.com', 4, 4), ('closed@example.org', 5, 5), ('john@example.org', 11, 1),
    ('john@example.org', 12, 1), ('jane@example.org', 12, 2), ('nobody@example.org', 13, 3), ('jane@example.org', 13, 2),
    ('nobody@example.org', 14, 3), ('lost@example.com', 14, 4), ('nobody@example.org', 15, 3), ('lost@example.com', 16, 4),
    ('away@elsewhere.example', 17, NULL), ('john@example.org', 18, 1), ('@example.org', 19, NULL), ('john@example.org', 20, 1),
    ('john@example.org', 21, 1);
`;

export function layouts(engine: Engine): readonly Layout[] {
  const sample = contrib(`schema-${engine}.sql`) + contrib("examples.sql");
  const latin1 = engine === "mysql" ? " CHARACTER SET latin1 COLLATE latin1_general_ci" : "";
  // The same functions as PostgreSQL.
  const standard = engine === "sqlite" ? "postgresql" : engine;
  return [
    { name: "sample schema", queries: { ...defaultQueries, domains: sampleDomains(engine) }, relayed: "", script: sample },
    {
      name: "PostfixAdmin",
      ...published(`postfixadmin-${engine}.toml`, "postfixadmin"),
      script: postfixAdmin(flags[engine], latin1),
    },
    { name: "iRedMail", ...published(`iredmail-${standard}.toml`, "iredmail"), script: iRedMail },
    ...(engine === "sqlite"
      ? []
      : [{ name: "Modoboa", ...published(`modoboa-${engine}.toml`, "modoboa"), script: modoboa(flags[engine]) }]),
    ...(engine === "mysql"
      ? [
          { name: "mailcow", ...published("mailcow.toml", "mailcow"), script: mailcow },
          { name: "ISPConfig", ...published("ispconfig.toml", "ispconfig"), script: ispConfig },
        ]
      : []),
  ];
}
