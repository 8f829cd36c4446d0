-- 004-event-sessions.sql -- event sessions, who may do what there, who is registered, and every attempt to check in

-- A picture to show beside the name.
ALTER TABLE users ADD COLUMN IF NOT EXISTS profile_url VARCHAR(512) COLLATE utf8mb4_nopad_bin NULL;

-- The UUID is random: outside it is the session's only name, and knowing it is the right to watch a `link` session.
-- key_hash is that of the scanner key, zeros where there is none.
CREATE TABLE IF NOT EXISTS event_sessions (
    id BIGINT UNSIGNED NOT NULL,
    uuid BINARY(16) NOT NULL,
    title VARCHAR(255) COLLATE utf8mb4_nopad_bin NOT NULL,
    visibility TINYINT UNSIGNED NOT NULL,
    open_registration TINYINT UNSIGNED NOT NULL,
    created_by BIGINT UNSIGNED NOT NULL,
    created_us BIGINT UNSIGNED NOT NULL,
    updated_us BIGINT UNSIGNED NOT NULL,
    deleted_us BIGINT UNSIGNED NULL,
    key_hash BINARY(16) NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY uuid (uuid)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- Role 0 is a role that was taken away.
CREATE TABLE IF NOT EXISTS session_roles (
    session_id BIGINT UNSIGNED NOT NULL,
    user_id BIGINT UNSIGNED NOT NULL,
    role TINYINT UNSIGNED NOT NULL,
    PRIMARY KEY (session_id, user_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- code is 60 random bits, NULL for those who walked in. checkin_id is the event of the one successful check-in.
CREATE TABLE IF NOT EXISTS session_attendees (
    session_id BIGINT UNSIGNED NOT NULL,
    user_id BIGINT UNSIGNED NOT NULL,
    code BIGINT UNSIGNED NULL,
    checkin_id BIGINT UNSIGNED NULL,
    checkin_us BIGINT UNSIGNED NULL,
    last_event BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (session_id, user_id),
    UNIQUE KEY code (session_id, code)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- Failed ones too; user_name is what the dashboard showed. They stay when the session goes: who was where is asked later.
CREATE TABLE IF NOT EXISTS checkins (
    event_id BIGINT UNSIGNED NOT NULL,
    session_id BIGINT UNSIGNED NOT NULL,
    user_id BIGINT UNSIGNED NULL,
    by_user_id BIGINT UNSIGNED NULL,
    at_us BIGINT UNSIGNED NOT NULL,
    success TINYINT UNSIGNED NOT NULL,
    reason TINYINT UNSIGNED NOT NULL,
    user_name VARCHAR(255) COLLATE utf8mb4_nopad_bin NOT NULL,
    PRIMARY KEY (event_id),
    KEY session_id (session_id, event_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;
