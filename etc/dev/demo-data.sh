#!/bin/bash
# demo-data.sh -- the demo users and rooms, into the system that make run started; what exists already stays
set -euo pipefail
cd "$(dirname "$0")/../.."
exec "${BUILD:-build}/confabctl" --url "http://127.0.0.1:${PORT_ROOMS:-8000}" \
    --admin-token-file "${VAR:-var}/admin.secret" demo
