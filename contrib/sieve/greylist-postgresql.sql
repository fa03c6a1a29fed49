CREATE TABLE IF NOT EXISTS greylist (
    triplet text PRIMARY KEY,
    first_seen bigint NOT NULL,
    last_seen bigint NOT NULL
);
CREATE INDEX IF NOT EXISTS greylist_last_seen ON greylist (last_seen);
