/** The statements of a SQL directory for the sample schema (contrib/sql), valid on all engines but for `domains`. */
import type { Queries, StoreSettings } from "./store-settings.ts";

/** The domain of `address` in functions that SQLite and PostgreSQL have; the sample schema has an index on just this expression. */
const domain = "substr(address, length(rtrim(address, replace(address, '@', ''))) + 1)";

const members =
  "SELECT p.address FROM emails AS l JOIN emails AS p ON p.name = l.name AND p.type = 'primary' " +
  "WHERE l.address = $1 AND l.type = 'list' ORDER BY p.address";

export const defaultQueries: Queries = {
  recipients: "SELECT name FROM emails WHERE address = $1 ORDER BY name",
  // 'primary' sorts after 'alias'.
  emails: "SELECT address FROM emails WHERE name = $1 AND type <> 'list' ORDER BY type DESC, address",
  senders: "",
  members,
  expand: `${members} LIMIT 50`,
  // Contains, without LIKE: what the client sends would have wildcards in it.
  verify: "SELECT address FROM emails WHERE type = 'primary' AND replace(address, $1, '') <> address ORDER BY address LIMIT 5",
  domains: `SELECT 1 FROM emails WHERE ${domain} = $1 LIMIT 1`,
};

/** MySQL has no such functions, so there the schema has a column for it. */
const domainsOfMysql = "SELECT 1 FROM emails WHERE domain = $1 LIMIT 1";

export function sampleDomains(type: StoreSettings["type"]): string {
  return type === "mysql" ? domainsOfMysql : defaultQueries.domains;
}
