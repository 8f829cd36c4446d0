#!/bin/bash
# chaos.sh [OPTION...] -- tests/chaos/run.mjs against the daemons of $BUILD: load, kills, and a verdict per message
set -u
cd "$(dirname "$0")/../.."
export BUILD=${BUILD:-build}
. tests/tools/sanitizer-env.sh
logs=$BUILD/tests/logs
mkdir -p "$logs"
timeout -k 10 600 node tests/chaos/run.mjs "$@" 2>&1 | tee "$logs/chaos.out"
status=${PIPESTATUS[0]}
line=$(tail -n 1 "$logs/chaos.out")
collect_sanitizer_reports
case $line in
*" passed, "*" failed") passed=${line%% *} failed=${line##*, } failed=${failed%% *} ;;
*) passed=0 failed=1 ;;
esac
[ "$status" = 0 ] || [ "$failed" != 0 ] || failed=1
failed=$((failed + sanitizer_count))
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
