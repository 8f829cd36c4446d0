-- 001-schema.sql -- users, chats, messages, the log of events, and the head that fences it
--
-- Statements end with ';' at the end of a line. MariaDB commits every DDL statement by itself, so a file that failed
-- half-way is run again from its start: each statement must bear that (IF NOT EXISTS).
--
-- Numbers    Ids are 53-bit (BIGINT), seq counts the messages of one chat (INT: 4 billion, above which STRICT mode
--            refuses). Times are microseconds since 1970 UTC (_us) or seconds (_s), never DATETIME: no time zone, no
--            rounding. A number that is absent is NULL, which costs no byte in a row, and 0 in the program.
-- Text       utf8mb4 with the collation written at each column: the server's default may be latin1, and its usual one
--            holds all emoji equal, a = á and 'a' = 'a '. utf8mb4_nopad_bin compares bytes.
-- Row size   messages and events are nearly all of the data. They have no column that another one tells, and no
--            index that no statement needs.
-- No foreign keys: each would cost a look-up and a shared row lock per inserted row, and what they guard is decided in
-- memory by the only writer before SQL runs.

CREATE TABLE IF NOT EXISTS users (
    id BIGINT UNSIGNED NOT NULL,
    -- Case-insensitive, accents and emoji apart, trailing spaces count. Invisible characters and width variants are
    -- equal to their plain form, so nobody can take the name of another that looks the same.
    username VARCHAR(64) COLLATE utf8mb4_uca1400_nopad_as_ci NOT NULL,
    name VARCHAR(255) COLLATE utf8mb4_nopad_bin NOT NULL,
    external_id VARCHAR(190) COLLATE utf8mb4_nopad_bin NULL,
    password_hash VARCHAR(128) CHARACTER SET ascii COLLATE ascii_nopad_bin NULL,
    status TINYINT UNSIGNED NOT NULL,
    created_us BIGINT UNSIGNED NOT NULL,
    valid_from_s BIGINT UNSIGNED NULL,
    PRIMARY KEY (id),
    UNIQUE KEY username (username),
    UNIQUE KEY external_id (external_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- One login: a refresh token that rotates. The two extra keys find the few rows that matter at start.
CREATE TABLE IF NOT EXISTS families (
    id BIGINT UNSIGNED NOT NULL,
    user_id BIGINT UNSIGNED NOT NULL,
    refresh_hash BINARY(16) NOT NULL,
    previous_hash BINARY(16) NOT NULL,
    created_us BIGINT UNSIGNED NOT NULL,
    expires_s BIGINT UNSIGNED NOT NULL,
    revoked_us BIGINT UNSIGNED NULL,
    PRIMARY KEY (id),
    KEY expires_s (expires_s),
    KEY revoked_us (revoked_us)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- peer_low and peer_high name the pair of a direct chat; a deleted one gives its pair free.
CREATE TABLE IF NOT EXISTS chats (
    id BIGINT UNSIGNED NOT NULL,
    kind TINYINT UNSIGNED NOT NULL,
    name VARCHAR(255) COLLATE utf8mb4_nopad_bin NOT NULL,
    created_us BIGINT UNSIGNED NOT NULL,
    created_by BIGINT UNSIGNED NOT NULL,
    renamed_us BIGINT UNSIGNED NULL,
    peer_low BIGINT UNSIGNED NULL,
    peer_high BIGINT UNSIGNED NULL,
    deleted_us BIGINT UNSIGNED NULL,
    PRIMARY KEY (id),
    UNIQUE KEY peers (peer_low, peer_high)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- own_total counts the member's messages, own_at_read those of them up to read_seq. Chats of a user are found in
-- memory, so there is no key by user.
CREATE TABLE IF NOT EXISTS members (
    chat_id BIGINT UNSIGNED NOT NULL,
    user_id BIGINT UNSIGNED NOT NULL,
    role TINYINT UNSIGNED NOT NULL,
    joined_seq INT UNSIGNED NOT NULL,
    read_seq INT UNSIGNED NOT NULL,
    own_total INT UNSIGNED NOT NULL,
    own_at_read INT UNSIGNED NOT NULL,
    own_seq INT UNSIGNED NOT NULL,
    PRIMARY KEY (chat_id, user_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- id is the event that created the message; events leads from it to (chat_id, seq), so it has no key here.
CREATE TABLE IF NOT EXISTS messages (
    chat_id BIGINT UNSIGNED NOT NULL,
    seq INT UNSIGNED NOT NULL,
    id BIGINT UNSIGNED NOT NULL,
    sender_id BIGINT UNSIGNED NOT NULL,
    created_us BIGINT UNSIGNED NOT NULL,
    version INT UNSIGNED NOT NULL,
    flags TINYINT UNSIGNED NOT NULL,
    last_event BIGINT UNSIGNED NOT NULL,
    client_key BINARY(16) NOT NULL,
    op_hash BINARY(16) NOT NULL,
    kind VARCHAR(32) COLLATE utf8mb4_nopad_bin NOT NULL,
    content MEDIUMTEXT COLLATE utf8mb4_nopad_bin NOT NULL,
    PRIMARY KEY (chat_id, seq),
    UNIQUE KEY client_key (sender_id, client_key)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS message_deletions (
    chat_id BIGINT UNSIGNED NOT NULL,
    seq INT UNSIGNED NOT NULL,
    sender_id BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (chat_id, seq)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- References, never text. The row of a message's creation is the index from message id to place and stays for ever;
-- the others are trimmed.
CREATE TABLE IF NOT EXISTS events (
    event_id BIGINT UNSIGNED NOT NULL,
    kind TINYINT UNSIGNED NOT NULL,
    chat_id BIGINT UNSIGNED NULL,
    seq INT UNSIGNED NULL,
    actor_id BIGINT UNSIGNED NULL,
    subject_id BIGINT UNSIGNED NULL,
    number BIGINT UNSIGNED NULL,
    version INT UNSIGNED NULL,
    at_us BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (event_id),
    KEY chat (chat_id, event_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- Events that concern a user himself, in whatever chat. The second key is for trimming.
CREATE TABLE IF NOT EXISTS event_users (
    user_id BIGINT UNSIGNED NOT NULL,
    event_id BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (user_id, event_id),
    KEY event_id (event_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- Outcomes of mutations other than messages (whose keys are in their rows), by idempotency key.
CREATE TABLE IF NOT EXISTS op_keys (
    user_id BIGINT UNSIGNED NOT NULL,
    op_key BINARY(16) NOT NULL,
    op_hash BINARY(16) NOT NULL,
    kind TINYINT UNSIGNED NOT NULL,
    code SMALLINT UNSIGNED NOT NULL,
    event_id BIGINT UNSIGNED NULL,
    chat_id BIGINT UNSIGNED NULL,
    other_id BIGINT UNSIGNED NULL,
    number BIGINT UNSIGNED NULL,
    at_us BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (user_id, op_key)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- One row per log partition; today there is one, number 0. owner_session is the database session that wrote it last.
CREATE TABLE IF NOT EXISTS log_head (
    part TINYINT UNSIGNED NOT NULL,
    log_id BIGINT UNSIGNED NOT NULL,
    epoch BIGINT UNSIGNED NOT NULL,
    next_event BIGINT UNSIGNED NOT NULL,
    trimmed_to BIGINT UNSIGNED NOT NULL,
    last_batch BIGINT UNSIGNED NOT NULL,
    checkpoint BIGINT UNSIGNED NOT NULL,
    owner_session BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (part)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;
