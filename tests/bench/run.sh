#!/bin/bash
# run.sh -- the bench table: every figure beside the limit that this machine has in the same run
#
# SECONDS_EACH (5), SUBSCRIBERS ("1000 10000"), IDLE (8000)
set -euo pipefail
cd "$(dirname "$0")/../.."
BUILD=${BUILD:-build}
T=${SECONDS_EACH:-5}
SUBSCRIBERS=${SUBSCRIBERS:-1000 10000}
IDLE=${IDLE:-8000}
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

# start USERS CHATS WORKERS: a fresh database with that many users, and the daemons on it
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

for n in $SUBSCRIBERS; do # with one message at a time the figure would be that of a round trip
    start 200 1 1
    for window in 4 16; do
        bench fanout "${common[@]}" --count "$n" --window "$window"
        for dialect in subscribe conversations inbox-chat; do
            bench fanout "${common[@]}" --count "$n" --window "$window" --dialect "$dialect"
        done
    done
done

start 10 2 1
read -r rate batch p50 p99 < <(bench post "${common[@]}" --count 64 --chat 2)
stop_daemons # what they have left to do for those messages is not the limit's
etc/dev/mariadb.sh sql "$work/db" -e 'DROP DATABASE IF EXISTS scratch'
etc/dev/mariadb.sh database "$work/db" scratch
limit=$("$BUILD/confab-bench" sql --db-socket "$(etc/dev/mariadb.sh socket "$work/db")" --db-password "$(cat "$work/db/scratch.password")" \
    --db-name scratch --db-user scratch --migrations sql --count "$(printf '%.0f' "$batch")" --seconds "$T")
echo "post posters=64 durable/s=$rate batch=$batch p50=${p50}us p99=${p99}us limit(the same INSERTs on one connection, batches of $(printf '%.0f' "$batch"))=$limit ratio=$(awk "BEGIN{printf \"%.2f\", $rate/$limit}")"

start 2 1 1
bench latency "${common[@]}" --users 2

# Each connection a user of its own, but with 1,000 chats: seeding eight million memberships takes too long.
start "$IDLE" 0 2
bench idle "${common[@]}" --count "$IDLE" --pids "$(IFS=,; echo "${pids[*]}")"
start "$IDLE" 50 2
bench idle "${common[@]}" --count "$IDLE" --pids "$(IFS=,; echo "${pids[*]}")"
start 1000 1000 2
bench idle "${common[@]}" --count "$IDLE" --pids "$(IFS=,; echo "${pids[*]}")"

start 64 1 1
limit_port=$(free_port)
bench listener --limit-port "$limit_port" &
pids+=($!)
for ((i = 0; i < 50; i++)); do
    (exec 3<>"/dev/tcp/127.0.0.1/$limit_port") 2>/dev/null && break
    sleep 0.1
done
bench handshakes "${common[@]}" --count 64 --limit-port "$limit_port"
