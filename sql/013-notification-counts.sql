-- 013-notification-counts.sql -- how many are unread, so that a start need not read them; marks by their broadcast

-- The count is right up to log_head.checkpoint; users that events after it speak of are counted again at the start.
ALTER TABLE notification_users ADD COLUMN IF NOT EXISTS unread INT UNSIGNED NOT NULL DEFAULT 0;
INSERT INTO notification_users (user_id, read_all_id, unread)
    SELECT n.user_id, 0, COUNT(*) FROM notifications n LEFT JOIN notification_users u ON u.user_id = n.user_id
    WHERE n.user_id > 0 AND n.id > COALESCE(u.read_all_id, 0) AND n.read_us IS NULL AND n.deleted_us IS NULL
    GROUP BY n.user_id
    ON DUPLICATE KEY UPDATE unread = VALUES(unread);

-- A broadcast's marks go with it, and a start counts those of the broadcasts that can still be unread.
ALTER TABLE notification_marks ADD KEY IF NOT EXISTS note (note_id, user_id);
