#!/bin/bash
# fuzz.sh TARGET... -- run each fuzz target of $BUILD for FUZZ_SECONDS, one per processor at a time
#
# Seeds are read from tests/fuzz/corpus/TARGET; what is found on the way goes to $BUILD, never into the tree. A dictionary
# tests/fuzz/TARGET.dict is used when there is one. A finding prints its report and the path of the input.
set -u
BUILD=${BUILD:-build/fuzz}
FUZZ_SECONDS=${FUZZ_SECONDS:-20}
logs=$BUILD/tests/logs/fuzz
mkdir -p "$logs"

run_one() {
    local name=$1 found=$BUILD/tests/corpus/$1 options=()
    [ -d "tests/fuzz/corpus/$name" ] && options+=("tests/fuzz/corpus/$name")
    [ -e "tests/fuzz/$name.dict" ] && options+=("-dict=tests/fuzz/$name.dict")
    mkdir -p "$found"
    "$BUILD/tests/fuzz/$name" "$found" "${options[@]}" -max_total_time="$FUZZ_SECONDS" -timeout=10 \
        -rss_limit_mb=2048 -artifact_prefix="$logs/$name-" \
        -print_final_stats=1 >"$logs/$name.log" 2>&1
    echo $? >"$logs/$name.status"
}

for name in "$@"; do
    while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do
        wait -n
    done
    run_one "$name" &
done
wait
passed=0
failed=0
for name in "$@"; do
    if [ "$(cat "$logs/$name.status")" = 0 ]; then
        passed=$((passed + 1))
        runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$logs/$name.log")
        echo "$name: $runs inputs in $FUZZ_SECONDS s, nothing found"
    else
        failed=$((failed + 1))
        echo "$name: FOUND"
        grep -v '^#' "$logs/$name.log" | tail -n 60
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
