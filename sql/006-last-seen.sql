-- 006-last-seen.sql -- when users were seen last, and whether others were told then that they are there
CREATE TABLE IF NOT EXISTS last_seen (
    user_id BIGINT UNSIGNED NOT NULL,
    seen_us BIGINT UNSIGNED NOT NULL,
    is_online TINYINT UNSIGNED NOT NULL,
    PRIMARY KEY (user_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;
