#!/bin/bash
# integration.sh [FILE...] -- node's own test runner over tests/integration, against the daemons of $BUILD
#
# Without arguments all files. Reports of the sanitizers count as a failure wherever they come from: a daemon that a
# test has already killed can not hide one.
set -u
export BUILD=${BUILD:-build}
logs=$BUILD/tests/logs/integration
rm -rf "$logs"
mkdir -p "$logs"
report=$PWD/$logs/sanitizer
export ASAN_OPTIONS="${ASAN_OPTIONS:-}:log_path=$report:abort_on_error=0:exitcode=99"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:-}:log_path=$report:print_stacktrace=1"
export LSAN_OPTIONS="${LSAN_OPTIONS:-}:suppressions=$PWD/tests/tools/lsan.supp:print_suppressions=0"

[ $# -gt 0 ] || set -- tests/integration/*.test.mjs
ulimit -n "$(ulimit -Hn)"
node --test --test-reporter=tap "$@" >"$logs/output.tap" 2>"$logs/stderr"
status=$?
passed=$(sed -n 's/^# pass //p' "$logs/output.tap")
failed=$(sed -n 's/^# fail //p' "$logs/output.tap")
cancelled=$(sed -n 's/^# cancelled //p' "$logs/output.tap")
passed=${passed:-0}
failed=$((${failed:-0} + ${cancelled:-0}))
[ "$status" = 0 ] || [ "$failed" != 0 ] || failed=1
for f in "$report"*; do
    [ -e "$f" ] || continue
    failed=$((failed + 1))
    echo "sanitizer report $f:"
    head -n 40 "$f"
done
if [ "$failed" != 0 ]; then
    grep -A 30 '^ *not ok' "$logs/output.tap" | head -n 200
    tail -n 20 "$logs/stderr"
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
