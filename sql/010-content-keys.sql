-- 010-content-keys.sql -- the ids of the keys under which texts of messages were sealed (never the keys)

CREATE TABLE IF NOT EXISTS content_keys (
    id CHAR(8) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    PRIMARY KEY (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;
