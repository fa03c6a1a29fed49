CREATE TABLE IF NOT EXISTS greylist (
    triplet TEXT PRIMARY KEY,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS greylist_last_seen ON greylist (last_seen);
