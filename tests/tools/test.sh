#!/bin/bash
# test.sh -- everything that make test runs, in the order of what fails fastest; the last line counts
#
# A step is a command whose last line is "N passed, N failed". Its whole output is in $BUILD/tests/logs/<step>.log; it is
# shown when the step fails. A later step still runs when an earlier one failed, except that nothing runs without a build.
set -u
BUILD=${BUILD:-build}
MAKE=${MAKE:-make}
logs=$BUILD/tests/logs
mkdir -p "$logs"
passed=0
failed=0
began=$SECONDS

finish() {
    echo "whole run: $((SECONDS - began)) s"
    echo "$passed passed, $failed failed"
    [ "$failed" = 0 ] && [ "$passed" -gt 0 ]
    exit
}

make_() { "$MAKE" --no-print-directory DEVELOPER=1 "$@"; }

build() {
    local at=$SECONDS
    if ! make_ -j"$(nproc)" "$@" >"$logs/build.log" 2>&1; then
        cat "$logs/build.log"
        echo "build failed: make $*"
        failed=$((failed + 1))
        finish
    fi
    printf '%-14s %4d s   make %s\n' build $((SECONDS - at)) "$*"
}

step() {
    local name=$1 at=$SECONDS status=0 line p f
    shift
    "$@" >"$logs/$name.log" 2>&1 || status=$?
    line=$(sed -nE 's/^([a-z]+: )?([0-9]+ passed, [0-9]+ failed)$/\2/p' "$logs/$name.log" | tail -n 1)
    p=${line%% passed*}
    f=${line##*, }
    f=${f%% failed}
    p=${p:-0}
    f=${f:-0}
    if [ "$status" != 0 ] && [ "$f" = 0 ]; then
        f=1
    fi
    if [ "$f" != 0 ]; then
        tail -n 300 "$logs/$name.log"
    fi
    passed=$((passed + p))
    failed=$((failed + f))
    printf '%-14s %4d s   %s passed, %s failed\n' "$name" $((SECONDS - at)) "$p" "$f"
}

build all unit-build web
step unit make_ unit
step web tests/tools/web.sh
step layers make_ layers
step samples env BUILD="$BUILD" MAKE="$MAKE" tests/tools/samples.sh
step model make_ model
build BUILD="$BUILD/asan" SAN=address,undefined all unit-build "$BUILD/asan/tests/store/test_store"
step unit-asan make_ BUILD="$BUILD/asan" SAN=address,undefined unit
step store env BUILD="$BUILD/asan" tests/tools/store.sh
step integration env BUILD="$BUILD/asan" tests/tools/integration.sh
step chaos env BUILD="$BUILD/asan" tests/tools/chaos.sh --seconds 12 --kills 1 --commit-kills 1 --chats 40 --users 80 \
    --posters 12 --strict 10
build BUILD="$BUILD/fuzz" CC="${FUZZ_CC:-clang}" SAN=fuzzer-no-link,address,undefined fuzz-build
step fuzz make_ fuzz FUZZ_SECONDS="${FUZZ_SECONDS:-5}"
finish
