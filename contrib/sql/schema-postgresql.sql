-- Accounts and their addresses for a SQL directory in PostgreSQL. Postern's default queries are for these tables.

CREATE TABLE accounts (
  name        text NOT NULL PRIMARY KEY,
  secret      text,
  description text,
  type        text NOT NULL,               -- 'individual' or 'group'
  quota       bigint NOT NULL DEFAULT 0,
  active      boolean NOT NULL DEFAULT true
);

CREATE TABLE group_members (
  name      text NOT NULL,
  member_of text NOT NULL,
  PRIMARY KEY (name, member_of)
);

-- Addresses are in lower case, domains as A-labels (xn--…). A local part that needs quotes may have them or not.
CREATE TABLE emails (
  name    text NOT NULL,                   -- of the account
  address text NOT NULL,
  type    text NOT NULL CHECK (type IN ('primary', 'alias', 'list')),
  PRIMARY KEY (name, address)
);

CREATE INDEX emails_address ON emails (address);
-- The default query `domains` compares this expression: the domain of an address, by functions that both engines have.
CREATE INDEX emails_domain ON emails (substr(address, length(rtrim(address, replace(address, '@', ''))) + 1));
