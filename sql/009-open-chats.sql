-- 009-open-chats.sql -- groups that everybody may join: 1 open, 2 or NULL by invitation only

ALTER TABLE chats ADD COLUMN IF NOT EXISTS open TINYINT UNSIGNED NULL;
