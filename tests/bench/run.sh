#!/bin/bash
# run.sh -- the bench table: every figure beside the limit that this machine has in the same run
#
# SECONDS_EACH (5), SUBSCRIBERS ("1000 10000"), IDLE (8000), PARTS (all of them)
# socketio installs the npm package socket.io beside itself, to measure both with the same clients.
set -euo pipefail
cd "$(dirname "$0")/../.."
BUILD=${BUILD:-build}
T=${SECONDS_EACH:-5}
SUBSCRIBERS=${SUBSCRIBERS:-1000 10000}
IDLE=${IDLE:-8000}
PARTS=${PARTS:-fanout socketio post latency idle handshakes}
work=$(mktemp -d /tmp/confab-bench.XXXXXX)
pids=()
bench() { "$BUILD/confab-bench" "$@"; }

stop_daemons() {
    for p in "${pids[@]}"; do kill -TERM "$p" 2>/dev/null || true; done
    for p in "${pids[@]}"; do wait "$p" 2>/dev/null || true; done
    pids=()
}
finish() {
    trap - EXIT
    stop_daemons
    etc/dev/mariadb.sh stop "$work/db" >/dev/null 2>&1 || true
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 1' INT TERM

free_port() { node -e 'const s=require("net").createServer();s.listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})'; }

ulimit -n "$(ulimit -Hn)"
(umask 077; od -An -tx1 -N32 /dev/urandom | tr -d ' \n' >"$work/jwt"; od -An -tx1 -N32 /dev/urandom | tr -d ' \n' >"$work/admin")
etc/dev/mariadb.sh start "$work/db" >/dev/null

# start USERS CHATS WORKERS [SETTING]: a fresh database with that many users, and the daemons on it
start() {
    local n i
    stop_daemons
    etc/dev/mariadb.sh sql "$work/db" -e 'DROP DATABASE IF EXISTS confab'
    etc/dev/mariadb.sh database "$work/db" confab
    password=$(cat "$work/db/confab.password")
    db=(--db-socket "$(etc/dev/mariadb.sh socket "$work/db")" --db-password "$password" --migrations sql)
    bench seed "${db[@]}" --users "$1" --chats "$2"
    port=$(free_port)
    cat >"$work/rest.conf" <<CONF
profile = dev
listen = 127.0.0.1:$port rooms
link_socket = $work/link.sock
db_socket = $(etc/dev/mariadb.sh socket "$work/db")
db_password_file = $work/db/confab.password
migrations_dir = sql
jwt_secret_file = $work/jwt
admin_token_file = $work/admin
address_connections_max = 1000000
address_handshakes_per_s = 1000000
address_handshakes_burst = 1000000
user_connections_max = 100000
user_messages_per_s = 1000000
user_messages_burst = 1000000
${4:-}
CONF
    echo "link_socket = $work/link.sock" >"$work/ws.conf"
    "$BUILD/confab-rest" --config "$work/rest.conf" 2>"$work/rest.log" &
    pids+=($!)
    for ((n = 1; n <= $3; n++)); do
        "$BUILD/confab-ws" --config "$work/ws.conf" --worker "$n" 2>"$work/ws$n.log" &
        pids+=($!)
    done
    for ((i = 0; i < 300; i++)); do
        curl -fsS -o /dev/null "http://127.0.0.1:$port/readyz" 2>/dev/null && break
        sleep 0.1
    done
    common=(--port "$port" --secret "$work/jwt" --users "$1" --chats "$2" --seconds "$T" --scratch "$work/db")
}

echo "machine: $(nproc) cores, $(uname -r), $(date -u +%FT%TZ)"

# The npm package, beside the daemons that run; npm: how it and they are named to the load client.
start_npm() {
    [ -d tests/bench/socketio/node_modules/socket.io ] ||
        (cd tests/bench/socketio && npm install --no-package-lock --no-audit --no-fund --loglevel=error >&2)
    limit_port=$(free_port)
    node --expose-gc tests/bench/socketio/server.mjs "$limit_port" 2>"$work/npm.log" &
    npm=(--limit-port "$limit_port" --limit-pids "$!" --pids "$(IFS=,; echo "${pids[*]}")")
    pids+=($!)
    wait_for_port "$limit_port"
}

wait_for_port() {
    local i
    for ((i = 0; i < 100; i++)); do
        (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return
        sleep 0.1
    done
    echo "bench: nobody listens on $1" >&2
    exit 1
}

# fan_out WINDOW DIALECT
fan_out() {
    bench fanout "${common[@]}" --count "$n" --window "$1" --dialect "$2"
}

fanout() { # with one message at a time the figure would be that of a round trip
    local n window dialect
    for n in $SUBSCRIBERS; do
        start 200 1 1
        for window in 4 16; do
            for dialect in rooms subscribe conversations inbox-chat socketio; do
                fan_out "$window" "$dialect"
            done
        done
        start 200 1 1 'notify_all_max_members = 200' # the inbox shows notifications; rooms is slower with them, too
        for window in 4 16; do
            fan_out "$window" inbox
        done
    done
}

socketio() {
    local n window
    for n in $SUBSCRIBERS; do
        start 200 1 1
        start_npm
        for window in 4 16; do
            bench socketio "${common[@]}" "${npm[@]}" --count "$n" --window "$window"
        done
    done
    start "$IDLE" 1 1
    start_npm
    bench socketio-idle "${common[@]}" "${npm[@]}" --count "$IDLE"
}

post() {
    start 10 2 1
    read -r rate batch p50 p99 < <(bench post "${common[@]}" --count 64 --chat 2)
    stop_daemons # what they have left to do for those messages is not the limit's
    etc/dev/mariadb.sh sql "$work/db" -e 'DROP DATABASE IF EXISTS scratch'
    etc/dev/mariadb.sh database "$work/db" scratch
    limit=$("$BUILD/confab-bench" sql --db-socket "$(etc/dev/mariadb.sh socket "$work/db")" --db-password "$(cat "$work/db/scratch.password")" \
        --db-name scratch --db-user scratch --migrations sql --count "$(printf '%.0f' "$batch")" --seconds "$T")
    echo "post posters=64 durable/s=$rate batch=$batch p50=${p50}us p99=${p99}us limit(the same INSERTs on one connection, batches of $(printf '%.0f' "$batch"))=$limit ratio=$(awk "BEGIN{printf \"%.2f\", $rate/$limit}")"
}

latency() {
    start 2 1 1
    bench latency "${common[@]}" --users 2
}

idle() { # Each connection a user of its own, but with 1,000 chats: seeding eight million memberships takes too long.
    start "$IDLE" 0 2
    bench idle "${common[@]}" --count "$IDLE" --pids "$(IFS=,; echo "${pids[*]}")"
    start "$IDLE" 50 2
    bench idle "${common[@]}" --count "$IDLE" --pids "$(IFS=,; echo "${pids[*]}")"
    start 1000 1000 2
    bench idle "${common[@]}" --count "$IDLE" --pids "$(IFS=,; echo "${pids[*]}")"
}

handshakes() {
    start 64 1 1
    limit_port=$(free_port)
    "$BUILD/confab-bench" listener --limit-port "$limit_port" & # not through a function: this is the process to end
    pids+=($!)
    wait_for_port "$limit_port"
    bench handshakes "${common[@]}" --count 64 --limit-port "$limit_port"
}

echo "machine: $(nproc) cores, $(uname -r), $(date -u +%FT%TZ)"
for part in $PARTS; do
    "$part"
done
