-- 008-push.sql -- Web Push subscriptions, and what is on its way to them and to the webhook
--
-- These tables are the pusher's own: nothing of them is in the log, and the writer does not touch them.

-- One row per browser that wants to be told. endpoint_hash is BLAKE2b-128 of the endpoint: a browser that another user logs
-- in with takes its subscription along. Keys are base64url as the browser gave them.
CREATE TABLE IF NOT EXISTS push_subscriptions (
    id BIGINT UNSIGNED NOT NULL,
    user_id BIGINT UNSIGNED NOT NULL,
    created_us BIGINT UNSIGNED NOT NULL,
    endpoint_hash BINARY(16) NOT NULL,
    endpoint VARCHAR(4096) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    p256dh VARCHAR(96) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    auth VARCHAR(32) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY endpoint_hash (endpoint_hash),
    KEY user_id (user_id, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- Deliveries that are not done: a notification of a user to one of his subscriptions, or to the webhook (0).
CREATE TABLE IF NOT EXISTS push_queue (
    subscription_id BIGINT UNSIGNED NOT NULL,
    note_id BIGINT UNSIGNED NOT NULL,
    user_id BIGINT UNSIGNED NOT NULL,
    due_us BIGINT UNSIGNED NOT NULL,
    attempts SMALLINT UNSIGNED NOT NULL,
    PRIMARY KEY (subscription_id, note_id, user_id),
    KEY due (subscription_id, due_us, note_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;

-- Notifications up to event_id are in the queue as far as they are due, and of that one nothing yet for users above
-- user_id (0: for all).
CREATE TABLE IF NOT EXISTS push_cursor (
    part TINYINT UNSIGNED NOT NULL,
    event_id BIGINT UNSIGNED NOT NULL,
    user_id BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (part)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;
-- What was notified before is no news.
INSERT IGNORE INTO push_cursor (part, event_id, user_id) SELECT part, next_event - 1, 0 FROM log_head;
