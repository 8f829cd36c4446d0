#!/bin/bash
# unit.sh PROGRAM... -- run the unit test programs of $BUILD, several at a time, and count
#
# A program that dies counts as one more failed test. Output of failing programs only; V=1 shows all.
set -u
BUILD=${BUILD:-build}
logs=$BUILD/tests/logs/unit
mkdir -p "$logs"

run_one() {
    CMOCKA_MESSAGE_OUTPUT=TAP timeout 120 "$BUILD/tests/unit/$1" >"$logs/$1.tap" 2>"$logs/$1.err"
    echo $? >"$logs/$1.status"
}

passed=0
failed=0
for name in "$@"; do
    while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do
        wait -n
    done
    run_one "$name" &
done
wait
for name in "$@"; do
    ok=$(grep -c '^ok' "$logs/$name.tap")
    bad=$(grep '^not ok' "$logs/$name.tap" | grep -vc '# SKIP') # cmocka's way to say that a test did not apply
    status=$(cat "$logs/$name.status")
    if [ "$status" != 0 ] && [ "$bad" = 0 ] || [ "$ok$bad" = 00 ]; then
        bad=1
    fi
    passed=$((passed + ok))
    failed=$((failed + bad))
    if [ "$bad" != 0 ] || [ -n "${V:-}" ]; then
        printf '%s: exit status %s\n' "$name" "$status"
        grep -v '^ok' "$logs/$name.tap"
        tail -n 40 "$logs/$name.err"
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
