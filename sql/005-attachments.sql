-- Files that people attach to messages. The bytes are below attachments_dir, named by id; here is what is known of them.
--
-- id is random, not counted: it is given out when an upload begins and names the upload, its file and the attachment.
-- seq is NULL until a message refers to it. unused_us says since when nothing needs the file: since it was made, or since
-- its message was deleted; NULL while a message shows it. Rows that were unused for long go, and the file with them.
CREATE TABLE IF NOT EXISTS attachments (
    id BIGINT UNSIGNED NOT NULL,
    chat_id BIGINT UNSIGNED NOT NULL,
    seq INT UNSIGNED NULL,
    uploader_id BIGINT UNSIGNED NOT NULL,
    size BIGINT UNSIGNED NOT NULL,
    created_us BIGINT UNSIGNED NOT NULL,
    unused_us BIGINT UNSIGNED NULL,
    sha256 CHAR(64) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    mime_type VARCHAR(100) CHARACTER SET ascii COLLATE ascii_nopad_bin NOT NULL,
    name VARCHAR(200) COLLATE utf8mb4_nopad_bin NOT NULL,
    PRIMARY KEY (id),
    UNIQUE KEY place (chat_id, seq),
    KEY unused_us (unused_us)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin;
