-- Rows that show each kind of address.

INSERT INTO accounts (name, description, type) VALUES ('john', 'John Doe', 'individual'), ('jane', 'Jane Doe', 'individual');

-- Each account has one primary address.
INSERT INTO emails (name, address, type) VALUES ('john', 'john@example.org', 'primary'), ('jane', 'jane@example.org', 'primary');

-- An alias is a further address of the account.
INSERT INTO emails (name, address, type) VALUES ('john', 'j.doe@example.org', 'alias');

-- A list is its address once for each member.
INSERT INTO emails (name, address, type) VALUES ('john', 'staff@example.org', 'list'), ('jane', 'staff@example.org', 'list');

-- A catch-all: mail for any other address in example.net goes to john.
INSERT INTO emails (name, address, type) VALUES ('john', '@example.net', 'alias');
