#!/bin/bash
# mariadb.sh -- a private MariaDB in a directory: no port, no service, no password of the administrator
#
#   mariadb.sh start DIR [--sync-delay] [key=value]...   create what is missing, start, wait until it answers
#   mariadb.sh stop DIR             ask it to end and wait; kill DIR ends it as a power cut would (SIGKILL)
#   mariadb.sh database DIR NAME    a database NAME and a user NAME that owns it; the password is in DIR/NAME.password
#   mariadb.sh sql DIR [ARG...]     the mariadb client as administrator (the user that started the server)
#   mariadb.sh socket DIR | pid DIR the path of its socket, its process id
#
# key=value are lines for [mariadbd], kept until the next start with other ones. With --sync-delay every fsync of the
# server first sleeps as many milliseconds as the file DIR/sync-delay says (tests/tools/slow_sync.c); tests write it
# while the server runs, to kill inside COMMIT; and while DIR/disk-full exists no table can become larger. The administrator signs in by being the same Unix user.
# Everything is below DIR, except that the socket moves to /tmp when its path would be too long for the kernel.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
fail() { echo "mariadb.sh: $*" >&2; exit 1; }

command=${1:-}
[ $# -ge 2 ] || fail "usage: mariadb.sh start|stop|kill|database|sql|socket|pid DIR ..."
mkdir -p "$2"
dir=$(cd "$2" && pwd)
shift 2
PATH=$PATH:/usr/sbin
user=$(id -un)

socket=$dir/mariadb.sock
if [ ${#socket} -gt 100 ]; then
    socket=$("$here/short-dir.sh" "$dir")/mariadb.sock
fi

# The id of the running server, or nothing: a process id is believed only if the process runs on our my.cnf.
server_pid() {
    local pid
    pid=$(cat "$dir/mariadb.pid" 2>/dev/null) || return 0
    if tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF -- "--defaults-file=$dir/my.cnf"; then
        echo "$pid"
    fi
}

sql() {
    mariadb --no-defaults --socket="$socket" --skip-ssl --user="$user" --default-character-set=utf8mb4 "$@"
}

write_config() {
    cat >"$dir/my.cnf" <<CNF
[mariadbd]
datadir = $dir/data
socket = $socket
pid-file = $dir/mariadb.pid
log-error = $dir/mariadb.log
tmpdir = $dir/tmp
user = $user
skip-networking
skip-log-bin
skip-name-resolve
character-set-server = utf8mb4
innodb_flush_log_at_trx_commit = 1
innodb_buffer_pool_size = 256M
innodb_log_file_size = 128M
performance_schema = OFF
max_connections = 100
CNF
    printf '%s\n' "$@" >>"$dir/my.cnf"
}

install_data() {
    [ -d "$dir/data/mysql" ] && return
    rm -rf "$dir/data.new"
    # Not /tmp: a MariaDB that starts removes every temporary table it finds there, also those of another one.
    # A relative path, because its script does not take one with a space in it.
    (cd "$dir" && TMPDIR=$dir/tmp mariadb-install-db --no-defaults --datadir=./data.new --user="$user" --force \
        --skip-test-db --skip-name-resolve --auth-root-authentication-method=socket --auth-root-socket-user="$user" \
        >"$dir/install.log" 2>&1) ||
        fail "mariadb-install-db failed: $(grep -iE 'error|cannot|no space' "$dir/install.log" | head -n 5)"
    rm -f "$dir"/data.new/ib_logfile0.bak
    mv "$dir/data.new" "$dir/data"
}

start() {
    local shim='' pid deadline
    if [ "${1:-}" = --sync-delay ]; then
        shift
        shim=$dir/slow_sync.so
        [ -e "$dir/sync-delay" ] || echo 0 >"$dir/sync-delay"
        # shellcheck disable=SC2086 # CC may be "ccache cc"
        ${CC:-cc} -D_GNU_SOURCE -O2 -shared -fPIC -o "$shim" "$here/../../tests/tools/slow_sync.c" -ldl
    fi
    if [ -n "$(server_pid)" ]; then
        return
    fi
    command -v mariadbd >/dev/null || fail "mariadbd is not installed (make deps)"
    mkdir -p "$dir/tmp"
    chmod 700 "$dir"
    install_data
    write_config "$@"
    rm -f "$dir/mariadb.pid"
    LD_PRELOAD=$shim SYNC_DELAY_FILE=$dir/sync-delay DISK_FULL_FILE=$dir/disk-full \
        setsid mariadbd --defaults-file="$dir/my.cnf" </dev/null >>"$dir/mariadb.log" 2>&1 &
    pid=$!
    deadline=$((SECONDS + 60))
    until sql -e 'SELECT 1' >/dev/null 2>&1; do
        kill -0 "$pid" 2>/dev/null || fail "mariadbd ended at once: $(tail -n 5 "$dir/mariadb.log")"
        [ $SECONDS -lt $deadline ] || fail "mariadbd does not answer after 60 s, see $dir/mariadb.log"
        sleep 0.1
    done
}

stop() {
    local pid deadline
    pid=$(server_pid)
    [ -n "$pid" ] || return 0
    kill "-$1" "$pid"
    deadline=$((SECONDS + 60))
    while [ -n "$(server_pid)" ]; do
        [ $SECONDS -lt $deadline ] || fail "mariadbd $pid does not end"
        sleep 0.05
    done
    [ "${socket%/*}" = "$dir" ] || rmdir "${socket%/*}" 2>/dev/null || true
}

# Idempotent; an existing password stays.
database() {
    local name=$1 file=$dir/$1.password
    case $name in
    '' | *[!a-z0-9_]*) fail "a database name is lower-case letters, digits and _" ;;
    esac
    [ -s "$file" ] || (umask 077 && od -An -tx1 -N24 /dev/urandom | tr -d ' \n' >"$file")
    sql <<SQL
CREATE DATABASE IF NOT EXISTS \`$name\` CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin;
CREATE USER IF NOT EXISTS '$name'@'localhost' IDENTIFIED BY '$(cat "$file")';
ALTER USER '$name'@'localhost' IDENTIFIED BY '$(cat "$file")';
GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES ON \`$name\`.* TO '$name'@'localhost';
SQL
}

case $command in
start) start "$@" ;;
stop) stop TERM ;;
kill) stop KILL ;;
database) database "$@" ;;
sql) sql "$@" ;;
socket) echo "$socket" ;;
pid) server_pid ;;
*) fail "unknown command '$command'" ;;
esac
