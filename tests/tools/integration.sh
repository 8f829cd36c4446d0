#!/bin/bash
# integration.sh [FILE...] -- node's own test runner over tests/integration, against the daemons of $BUILD
#
# Without arguments all files.
set -u
cd "$(dirname "$0")/../.."
export BUILD=${BUILD:-build}
. tests/tools/sanitizer-env.sh
logs=$BUILD/tests/logs/integration
rm -rf "$logs"
mkdir -p "$logs"

[ $# -gt 0 ] || set -- tests/integration/*.test.mjs
timeout -k 10 900 node --test --test-concurrency="$(($(nproc) + 1))" --test-reporter=tap "$@" >"$logs/output.tap" 2>"$logs/stderr"
status=$?
count() { sed -n "s/^# $1 //p" "$logs/output.tap" | tail -n 1; }
passed=$(count pass)
passed=${passed:-0}
failed=$(($(count fail) + $(count cancelled) + 0))
[ "$status" = 0 ] || [ "$failed" != 0 ] || failed=1
collect_sanitizer_reports
if [ "$failed" != 0 ]; then
    grep -A 30 '^ *not ok' "$logs/output.tap" | head -n 200
    tail -n 20 "$logs/stderr"
fi
failed=$((failed + sanitizer_count))
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
