-- The tables of state for a large site (sizing.md). Run this once, as their owner, after the first daemon has created them and while no daemon
-- runs. Postern uses the same statements on them. The greylist is kept; throttles start again from zero.
BEGIN;

-- Each partition is vacuumed separately, by as many workers as autovacuum has. The key contains the columns that choose the partition.
ALTER TABLE postern_greylist RENAME TO postern_greylist_old;
ALTER INDEX postern_greylist_expires RENAME TO postern_greylist_old_expires;
CREATE TABLE postern_greylist (LIKE postern_greylist_old INCLUDING DEFAULTS) PARTITION BY HASH (client, sender, recipient);
ALTER TABLE postern_greylist ADD PRIMARY KEY (client, sender, recipient);
CREATE INDEX postern_greylist_expires ON postern_greylist (expires);
DO $$
BEGIN
  FOR i IN 0 .. 15 LOOP
    EXECUTE format('CREATE TABLE postern_greylist_%s PARTITION OF postern_greylist FOR VALUES WITH (MODULUS 16, REMAINDER %s)', i, i);
    EXECUTE format('ALTER TABLE postern_greylist_%s SET (autovacuum_vacuum_scale_factor = 0.05)', i);
  END LOOP;
END $$;
INSERT INTO postern_greylist SELECT * FROM postern_greylist_old;
DROP TABLE postern_greylist_old;

-- A crash of the server empties these, and the counts of the current period are lost; they write no WAL.
TRUNCATE postern_throttle, postern_throttle_token;
ALTER TABLE postern_throttle SET UNLOGGED;
ALTER TABLE postern_throttle_token SET UNLOGGED;

COMMIT;
