#!/bin/sh
# run.sh -- check the stream protocol (stream.pml), and that each of its broken variants is caught
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
passed=0
failed=0

# verify NAME WANT [spin flags]: WANT is ok or caught
verify() {
    name=$1 want=$2
    shift 2
    rm -f pan pan.* _spin*
    spin -a "$@" "$here/stream.pml" >spin.out 2>&1 || { cat spin.out; exit 1; }
    cc -O2 -w -DNFAIR=6 -DCOLLAPSE -o pan pan.c
    ./pan -a -f -m3000000 >pan.out 2>&1
    if ! grep -q 'errors: [0-9]' pan.out || grep -qE 'max search depth too small|out of memory' pan.out; then
        cat pan.out
        exit 1
    fi
    if grep -q 'errors: 0' pan.out; then got=ok; else got=caught; fi
    states=$(sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p' pan.out | head -n 1)
    if [ "$got" = "$want" ]; then
        passed=$((passed + 1))
        echo "ok   $name: $got ($states states)"
    else
        failed=$((failed + 1))
        echo "FAIL $name: $got, expected $want"
        tail -n 30 pan.out
    fi
}

verify "protocol" ok
verify "two restarts of the API" ok -DEVENTS=2 -DREST_CRASHES=2
verify "without the fence" caught -DNOFENCE
verify "live before the stream has caught up" caught -DEARLYLIVE
verify "replay of what is not published" caught -DUNCAPPED
verify "a commit in doubt taken as done" caught -DNODOUBT
echo "model: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
