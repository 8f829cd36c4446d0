#!/bin/bash
# short-dir.sh DIR -- a private directory with a short path that belongs to DIR, for Unix sockets (107 bytes at most)
#
# DIR itself when its path is short, else /tmp/confab-<uid>-<hash of DIR>, made 0700 and refused if it is not ours.
set -euo pipefail
dir=$(cd "$1" && pwd)
if [ ${#dir} -le 70 ]; then
    echo "$dir"
    exit
fi
short=/tmp/confab-$(id -u)-$(printf '%s' "$dir" | cksum | cut -d' ' -f1)
mkdir -m 700 "$short" 2>/dev/null || true
if [ -L "$short" ] || [ ! -O "$short" ] || [ "$(stat -c %a "$short")" != 700 ]; then
    echo "short-dir.sh: $short exists and is not a private directory of ours" >&2
    exit 1
fi
echo "$short"
