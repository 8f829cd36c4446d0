-- The database and its unprivileged user, for an existing MariaDB (10.11 or newer). Run once as an administrator:
--     mariadb < etc/mariadb/confab.sql
-- Replace the password, and keep one of the three CREATE USER lines.
--
-- The server should run with innodb_flush_log_at_trx_commit = 1 (its default): Confab acknowledges a message when
-- COMMIT has returned, and with another value that would be a promise the disk has not made.

CREATE DATABASE IF NOT EXISTS confab CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;

-- Same machine, over the Unix socket, by the name of the system user "confab"; no password at all
-- (db_socket = /run/mysqld/mysqld.sock, db_password_file empty):
CREATE USER IF NOT EXISTS 'confab'@'localhost' IDENTIFIED VIA unix_socket;

-- Over TCP with a password (db_host, db_port, db_password_file):
-- CREATE USER IF NOT EXISTS 'confab'@'10.0.0.%' IDENTIFIED BY 'a long random password';

-- The same, TLS required (db_tls_ca on our side; add REQUIRE X509 instead for a client certificate, db_tls_cert/key):
-- CREATE USER IF NOT EXISTS 'confab'@'10.0.0.%' IDENTIFIED BY 'a long random password' REQUIRE SSL;

-- Data, and the schema of its own database: confab-rest applies the migrations in sql/ by itself. No global right is
-- needed; ending an own older session, as a restarted confab-rest does, is allowed to every user.
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES ON confab.* TO 'confab'@'localhost';
