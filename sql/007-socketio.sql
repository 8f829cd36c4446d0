-- 007-socketio.sql -- connections of Socket.IO that can be recovered, and the rooms they are in
-- lost_us 0: the connection was there when the row was written. The row with an empty pid says in lost_us when that
-- was last known to be so of all of them. rooms: 16 bytes each, the chat and the event after which it was joined.
CREATE TABLE IF NOT EXISTS socketio_recoveries (
    pid VARBINARY(63) NOT NULL,
    user_id BIGINT UNSIGNED NOT NULL,
    lost_us BIGINT UNSIGNED NOT NULL,
    rooms VARBINARY(16384) NOT NULL,
    PRIMARY KEY (pid)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;
