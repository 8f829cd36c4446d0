#!/bin/bash
# keep.sh NAME LOG COMMAND... -- keep one daemon running: start it again when it ends, more slowly each time
#
# The daemon has its own session, so that Ctrl-C in the terminal reaches only run.sh, which decides the order of
# stopping. TERM stops daemon and keeper; so does the death of the keeper's parent, or of the keeper.
set -u
name=$1
log=$2
shift 2

child=
stopping=
trap 'stopping=1; [ -n "$child" ] && kill -TERM "$child" 2>/dev/null' TERM
trap '' INT

pause=1
while [ -z "$stopping" ]; do
    began=$SECONDS
    setsid setpriv --pdeathsig TERM "$@" </dev/null >>"$log" 2>&1 &
    child=$!
    # A trapped signal ends wait early; the daemon has ended only when it is gone. (The shell's own remark is dropped.)
    while wait "$child" 2>/dev/null; status=$?; kill -0 "$child" 2>/dev/null; do :; done
    child=
    [ -n "$stopping" ] && break
    [ $((SECONDS - began)) -ge 60 ] && pause=1
    echo "$name ended (status $status), starting it again in $pause s; last words:"
    tail -n 3 "$log" | sed 's/^/    /'
    # Exit code 2 means that its configuration is wrong: trying again is no use.
    [ "$status" = 2 ] && exit 2
    sleep "$pause" &
    wait $!
    pause=$((pause < 30 ? pause * 2 : 30))
done
