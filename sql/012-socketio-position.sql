-- 012-socketio-position.sql -- of which place in the log the rooms of a connection are
-- What made it join a room after that place is still in the log when the program ends before the row is written again.
ALTER TABLE socketio_recoveries ADD COLUMN position BIGINT UNSIGNED NOT NULL DEFAULT 0 AFTER lost_us;
