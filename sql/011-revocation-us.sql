-- 011-revocation-us.sql -- since when a user's tokens count: microseconds instead of seconds
ALTER TABLE users CHANGE COLUMN IF EXISTS valid_from_s valid_from_us BIGINT UNSIGNED NULL;
UPDATE users SET valid_from_us = valid_from_us * 1000000 WHERE valid_from_us < 100000000000;
