-- Accounts and their addresses for a SQL directory in SQLite. Postern's default queries are for these tables.

CREATE TABLE accounts (
  name        TEXT NOT NULL PRIMARY KEY,
  secret      TEXT,
  description TEXT,
  type        TEXT NOT NULL,               -- 'individual' or 'group'
  quota       INTEGER NOT NULL DEFAULT 0,
  active      INTEGER NOT NULL DEFAULT 1
);

CREATE TABLE group_members (
  name      TEXT NOT NULL,
  member_of TEXT NOT NULL,
  PRIMARY KEY (name, member_of)
);

-- Addresses are in lower case, domains as A-labels (xn--…). A local part that needs quotes may have them or not.
CREATE TABLE emails (
  name    TEXT NOT NULL,                   -- of the account
  address TEXT NOT NULL,
  type    TEXT NOT NULL CHECK (type IN ('primary', 'alias', 'list')),
  PRIMARY KEY (name, address)
);

CREATE INDEX emails_address ON emails (address);
-- The default query `domains` compares this expression: the domain of an address, by functions that both engines have.
CREATE INDEX emails_domain ON emails (substr(address, length(rtrim(address, replace(address, '@', ''))) + 1));
