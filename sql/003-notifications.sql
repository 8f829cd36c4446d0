-- 003-notifications.sql -- the inbox of every user, preferences, and how far the notifier has come
--
-- A notification about a message refers to it (chat_id, seq) and has no text of its own: what is shown is rendered from the
-- message as it is now, as with events. Any other one has kind, title, body and perhaps link.

-- user_id 0 is everybody: a broadcast is one row, and what single users did with it stands in notification_marks. The
-- second key lets no message notify a user twice, and finds what reading a chat makes read.
CREATE TABLE IF NOT EXISTS notifications (
    user_id BIGINT UNSIGNED NOT NULL,
    id BIGINT UNSIGNED NOT NULL,
    created_us BIGINT UNSIGNED NOT NULL,
    read_us BIGINT UNSIGNED NULL,
    deleted_us BIGINT UNSIGNED NULL,
    last_event BIGINT UNSIGNED NOT NULL,
    chat_id BIGINT UNSIGNED NULL,
    seq INT UNSIGNED NULL,
    sender_id BIGINT UNSIGNED NULL,
    preview TINYINT UNSIGNED NOT NULL,
    kind VARCHAR(32) CHARACTER SET ascii COLLATE ascii_nopad_bin NULL,
    title VARCHAR(200) COLLATE utf8mb4_nopad_bin NULL,
    body MEDIUMTEXT COLLATE utf8mb4_nopad_bin NULL,
    link TEXT COLLATE utf8mb4_nopad_bin NULL,
    PRIMARY KEY (user_id, id),
    UNIQUE KEY message (user_id, chat_id, seq)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- Broadcasts that a user has read or deleted one by one.
CREATE TABLE IF NOT EXISTS notification_marks (
    user_id BIGINT UNSIGNED NOT NULL,
    note_id BIGINT UNSIGNED NOT NULL,
    read_us BIGINT UNSIGNED NULL,
    deleted_us BIGINT UNSIGNED NULL,
    last_event BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (user_id, note_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- Everything up to read_all_id is read, whatever its row says.
CREATE TABLE IF NOT EXISTS notification_users (
    user_id BIGINT UNSIGNED NOT NULL,
    read_all_id BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (user_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

CREATE TABLE IF NOT EXISTS notification_preferences (
    user_id BIGINT UNSIGNED NOT NULL,
    preferences MEDIUMTEXT COLLATE utf8mb4_nopad_bin NOT NULL,
    PRIMARY KEY (user_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- Why each member of the chat was notified of the message or was not (rest/notes.h); trimmed with the log.
CREATE TABLE IF NOT EXISTS notification_decisions (
    message_id BIGINT UNSIGNED NOT NULL,
    decided_us BIGINT UNSIGNED NOT NULL,
    decisions MEDIUMBLOB NOT NULL,
    PRIMARY KEY (message_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- Everything up to event_id has been decided, and of that message nothing yet for users above user_id (0: for all).
CREATE TABLE IF NOT EXISTS notifier (
    part TINYINT UNSIGNED NOT NULL,
    event_id BIGINT UNSIGNED NOT NULL,
    user_id BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (part)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;
-- Messages from before there were notifications are no news.
INSERT IGNORE INTO notifier (part, event_id, user_id) SELECT part, next_event - 1, 0 FROM log_head;
