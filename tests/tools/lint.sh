#!/bin/bash
# lint.sh FILE... -- cppcheck and clang-tidy under the committed profiles (.clang-tidy, cppcheck.supp); silent when clean
set -u
cd "$(dirname "$0")/../.."
status=0

cppcheck --quiet --std=c11 --language=c --enable=warning,style,performance,portability --inline-suppr \
    --suppressions-list=tests/tools/cppcheck.supp --suppress='*:/usr/include/*' --error-exitcode=1 \
    -j "$(nproc)" -D_GNU_SOURCE -I. "$@" || status=1

# shellcheck disable=SC2086 # CPPFLAGS is a list
printf '%s\n' "$@" | xargs -P "$(nproc)" -n 4 sh -c '
    flags=$1; shift
    out=$(clang-tidy --quiet "$@" -- -std=c11 $flags 2>/dev/null) && exit 0
    printf "%s\n" "$out"; exit 1' lint "$CPPFLAGS" || status=1

[ "$status" = 0 ] && echo "lint: $# files clean"
exit "$status"
