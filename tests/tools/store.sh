#!/bin/bash
# store.sh -- tests/store/test_store.c against a private MariaDB; the last line counts
set -u
cd "$(dirname "$0")/../.."
BUILD=${BUILD:-build}
. tests/tools/sanitizer-env.sh
logs=$BUILD/tests/logs
mkdir -p "$logs"
dir=$(mktemp -d /tmp/confab-store.XXXXXX)
finish() { etc/dev/mariadb.sh stop "$dir/db" >/dev/null 2>&1; rm -rf "$dir"; }
trap finish EXIT
etc/dev/mariadb.sh start "$dir/db" >"$logs/store-db.log" 2>&1 && etc/dev/mariadb.sh database "$dir/db" confab >>"$logs/store-db.log" 2>&1 ||
    { cat "$logs/store-db.log"; echo "0 passed, 1 failed"; exit 1; }
CONFAB_DB_SOCKET=$(etc/dev/mariadb.sh socket "$dir/db") CONFAB_DB_USER=confab CONFAB_DB_NAME=confab \
    CONFAB_DB_PASSWORD=$(cat "$dir/db/confab.password") CMOCKA_MESSAGE_OUTPUT=TAP \
    timeout 120 "$BUILD/tests/store/test_store" >"$logs/store.tap" 2>"$logs/store.err"
status=$?
passed=$(grep -c '^ok' "$logs/store.tap")
failed=$(grep -c '^not ok' "$logs/store.tap")
[ "$status" = 0 ] || [ "$failed" != 0 ] || failed=1
if [ "$failed" != 0 ]; then
    grep -v '^ok' "$logs/store.tap"
    tail -n 40 "$logs/store.err"
fi
collect_sanitizer_reports
failed=$((failed + sanitizer_count))
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
