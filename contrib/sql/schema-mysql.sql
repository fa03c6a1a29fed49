-- Accounts and their addresses for a SQL directory in MySQL or MariaDB. Postern's default queries are for these tables.
-- The collation makes addresses equal only if they are the same, letter by letter.

CREATE TABLE accounts (
  name        varchar(255) NOT NULL PRIMARY KEY,
  secret      text,
  description text,
  type        varchar(16) NOT NULL,        -- 'individual' or 'group'
  quota       bigint NOT NULL DEFAULT 0,
  active      boolean NOT NULL DEFAULT true
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE group_members (
  name      varchar(255) NOT NULL,
  member_of varchar(255) NOT NULL,
  PRIMARY KEY (name, member_of)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Addresses are in lower case, domains as A-labels (xn--…). A local part that needs quotes may have them or not.
CREATE TABLE emails (
  name    varchar(255) NOT NULL,           -- of the account
  address varchar(320) NOT NULL,
  type    varchar(16) NOT NULL CHECK (type IN ('primary', 'alias', 'list')),
  domain  varchar(255) AS (substring_index(address, '@', -1)) STORED,
  PRIMARY KEY (name, address),
  KEY emails_address (address),
  KEY emails_domain (domain)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
