#!/bin/bash
# run.sh -- everything of a development system in the foreground, until Ctrl-C (make run)
#
# All state is in var/: the private MariaDB (var/db), keys and passwords (0600), generated configuration, logs. A
# second run finds it there. VAR, BUILD and the PORT_* variables make a second system beside the first one.
set -euo pipefail
cd "$(dirname "$0")/../.."

BUILD=${BUILD:-build}
VAR=${VAR:-var}
PORT_ROOMS=${PORT_ROOMS:-8000}
PORT_CONVERSATIONS=${PORT_CONVERSATIONS:-8080}
PORT_EVENTS=${PORT_EVENTS:-3000}
WORKERS=${WORKERS:-2}

say() { echo "run: $*"; }
fail() { echo "run: $*" >&2; exit 1; }

sockets= # the directory of the link's socket
keepers=() # the last one started first: workers stop before the API, the API before the database
stop_all() {
    trap '' INT TERM
    trap - EXIT
    local k
    say "stopping"
    for k in "${keepers[@]}"; do
        kill -TERM "$k" 2>/dev/null || true
        wait "$k" 2>/dev/null || true
    done
    etc/dev/mariadb.sh stop "$VAR/db" || true
    case $sockets in /tmp/confab-*) rmdir "$sockets" 2>/dev/null || true ;; esac
    say "stopped; the data stays in $VAR/"
}

check_ports() {
    local port busy=
    for port in "$PORT_ROOMS" "$PORT_CONVERSATIONS" "$PORT_EVENTS"; do
        if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
            busy="$busy $port"
        fi
    done
    [ -z "$busy" ] || fail "something already listens on port$busy; stop it, or choose others:" \
        "make run PORT_ROOMS=18000 PORT_CONVERSATIONS=18080 PORT_EVENTS=13000"
}

# A random secret that only this user can read, made once.
secret() {
    [ -s "$1" ] || (umask 077 && od -An -tx1 -N32 /dev/urandom | tr -d ' \n' >"$1")
}

# The listeners: IPv4 and, where the machine has it, IPv6, because "localhost" means either.
listeners() {
    local list="127.0.0.1:$PORT_ROOMS rooms, 127.0.0.1:$PORT_CONVERSATIONS conversations, 127.0.0.1:$PORT_EVENTS rooms"
    if grep -q '^00000000000000000000000000000001 ' /proc/net/if_inet6 2>/dev/null; then
        list="$list, [::1]:$PORT_ROOMS rooms, [::1]:$PORT_CONVERSATIONS conversations, [::1]:$PORT_EVENTS rooms"
    fi
    echo "$list"
}

write_config() {
    local state
    state=$(cd "$VAR" && pwd)
    sockets=$(etc/dev/short-dir.sh "$VAR")
    secret "$VAR/jwt.secret"
    secret "$VAR/admin.secret"
    cat >"$VAR/confab-rest.conf" <<CONF
# Written by etc/dev/run.sh at every start; the sample for production is etc/confab-rest.conf.
profile = dev
listen = $(listeners)
link_socket = $sockets/link.sock
db_socket = $(etc/dev/mariadb.sh socket "$VAR/db")
db_user = confab
db_name = confab
db_password_file = $state/db/confab.password
migrations_dir = $PWD/sql
attachments_dir = $state/attachments
web_dir = $([ ! -e web/dist/index.html ] || echo "$PWD/web/dist")
jwt_secret_file = $state/jwt.secret
admin_token_file = $state/admin.secret
CONF
    cat >"$VAR/confab-ws.conf" <<CONF
# Written by etc/dev/run.sh at every start; the sample for production is etc/confab-ws.conf.
link_socket = $sockets/link.sock
CONF
}

keep() { # NAME COMMAND...
    local name=$1
    shift
    setpriv --pdeathsig TERM etc/dev/keep.sh "$name" "$VAR/log/$name.log" "$@" &
    keepers=("$!" "${keepers[@]}")
}

wait_ready() {
    local deadline=$((SECONDS + 60))
    until curl -fsS -o /dev/null "http://127.0.0.1:$PORT_ROOMS/readyz" 2>/dev/null; do
        kill -0 "${keepers[-1]}" 2>/dev/null || fail "confab-rest cannot start, see $VAR/log/confab-rest.log"
        [ $SECONDS -lt $deadline ] || fail "not ready after 60 s, see $VAR/log/"
        sleep 0.1
    done
}

print_urls() { # DASHBOARD_PATH
    local url=http://localhost:$PORT_ROOMS
    cat <<TEXT

Confab is running.  API $url/api   WebSocket ws://localhost:$PORT_ROOMS/ws   also on $PORT_CONVERSATIONS, $PORT_EVENTS
                    health $url/readyz   metrics $url/metrics   logs $VAR/log/   Ctrl-C stops everything
TEXT
    [ ! -e web/dist/index.html ] || cat <<TEXT

Open $url/ in a browser: sign in as john_doe, and in a private window as jane_doe. The password of both is confab-demo.

TEXT
    cat <<TEXT
Try in another terminal:

  TOKEN=\$($BUILD/confabctl --url $url --admin-token-file $VAR/admin.secret token issue john_doe)
  curl -s $url/api/chats -H "Authorization: Bearer \$TOKEN"
  curl -s $url/api/chat/create/personal -H "Authorization: Bearer \$TOKEN" -H 'Content-Type: application/json' -d '{"username":"jane_doe"}'

One socket of each kind (npx wscat -c, with TOKEN as above):

  "ws://localhost:$PORT_ROOMS/ws?access_token=\$TOKEN"
  "ws://localhost:$PORT_ROOMS/api/ws?userId=user123"    then type {"action":"subscribe","chatId":"chat_1"}
  "ws://localhost:$PORT_CONVERSATIONS/ws" -H "Authorization: Bearer \$TOKEN"
  "ws://localhost:$PORT_ROOMS/ws/notifications?access_token=\$TOKEN"
  and with socket.io-client: io('http://localhost:$PORT_EVENTS/chat', { auth: { token } })

TEXT
    [ -z "$1" ] || cat <<TEXT
And the live dashboard of john_doe's event, which shows who is checked in:

  npx wscat -c "ws://localhost:$PORT_CONVERSATIONS$1"
  curl -s $url/api/sessions/${1##*/}/checkins -H "Authorization: Bearer \$TOKEN" -H 'Content-Type: application/json' -d '{"username":"testUser"}'

TEXT
}

[ ! -d "$VAR" ] || [ -O "$VAR" ] || fail "$VAR/ belongs to $(stat -c %U "$VAR"): run as that user, or remove it"
check_ports
mkdir -p "$VAR/log"
chmod 700 "$VAR"
ulimit -n "$(ulimit -Hn)"
trap 'stop_all; exit 0' INT TERM
trap stop_all EXIT

say "starting MariaDB in $VAR/db"
etc/dev/mariadb.sh start "$VAR/db"
etc/dev/mariadb.sh database "$VAR/db" confab
write_config

say "starting confab-rest and $WORKERS workers"
keep confab-rest "$BUILD/confab-rest" --config "$VAR/confab-rest.conf"
for ((n = 1; n <= WORKERS; n++)); do
    keep "confab-ws-$n" "$BUILD/confab-ws" --config "$VAR/confab-ws.conf" --worker "$n"
done
wait_ready
demo=$(VAR=$VAR BUILD=$BUILD PORT_ROOMS=$PORT_ROOMS etc/dev/demo-data.sh) && printf '%s\n' "$demo" ||
    say "the demo data could not be loaded (make demo-data tries again)"
print_urls "$(sed -n 's#^its dashboard: ##p' <<<"$demo")"

# Until a signal, or until a keeper gives up (exit status 2: wrong configuration).
wait -n || fail "a daemon cannot run, see $VAR/log/"
