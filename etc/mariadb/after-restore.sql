-- After restoring the database from a backup, before confab-rest starts on it:
--     mariadb confab < etc/mariadb/after-restore.sql
--
-- The log gets a new name. What happened after the backup is gone and its event ids will be given out again, so cursors
-- that clients hold must not be taken for places in this log: each is answered with a gap, and its client loads anew.

UPDATE log_head SET log_id = CONV(LEFT(SHA2(CONCAT(UUID(), RAND(), NOW(6)), 256), 16), 16, 10) | 1;
