#!/bin/bash
# samples.sh [--write] -- the files in etc/ do what they say: load, equal the defaults, install
#
# --write makes etc/confab-rest.conf and etc/confab-ws.conf anew from the programs' tables; do it after changing a setting.
set -u
BUILD=${BUILD:-build}
cd "$(dirname "$0")/../.."
passed=0
failed=0
tmp=$(mktemp -d)
db="$tmp/a directory $(printf 'x%.0s' {1..90})" # with a space, and too deep for a socket
trap 'etc/dev/mariadb.sh stop "$db" >/dev/null 2>&1; rm -rf "$tmp"' EXIT

# check NAME COMMAND...: succeeds and is quiet, else its output is shown
check() {
    local name=$1 out
    shift
    if out=$("$@" 2>&1); then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'samples: %s\n%s\n' "$name" "$(printf '%s\n' "$out" | head -n 30 | sed 's/^/    /')"
    fi
}

settings() { grep -vE '^[[:space:]]*(#|$)' "$1"; }

equals_defaults() { # PROGRAM FILE
    "$BUILD/$1" --print-config >"$tmp/default" &&
        "$BUILD/$1" --config "$2" --print-config >"$tmp/loaded" &&
        diff "$tmp/default" "$tmp/loaded" && diff <(settings "$tmp/default") <(settings "$2")
}

# A production configuration is the sample plus what only its owner can know.
complete_config() {
    head -c 48 /dev/urandom | base64 >"$tmp/secret"
    settings etc/confab-rest.conf | grep -vE '^(jwt_secret_file|admin_token_file|migrations_dir) ' >"$tmp/rest.conf"
    printf '%s\n' "jwt_secret_file = $tmp/secret" "admin_token_file = $tmp/secret" "migrations_dir = $PWD/sql" >>"$tmp/rest.conf"
    "$BUILD/confab-rest" --config "$tmp/rest.conf" --check-config
}

refuses() { # PROGRAM LINE: exit status 2, and the message names file and line
    printf 'log_level = info\n%s\n' "$2" >"$tmp/bad.conf"
    "$BUILD/$1" --config "$tmp/bad.conf" --check-config >"$tmp/out" 2>&1
    [ $? = 2 ] && grep -q 'bad.conf:2' "$tmp/out" || { cat "$tmp/out"; return 1; }
}

proxy_sample() {
    local nginx=/usr/sbin/nginx
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=chat.example.org -keyout "$tmp/key.pem" -out "$tmp/cert.pem" \
        >/dev/null 2>&1
    sed "s#/etc/letsencrypt/live/chat.example.org/fullchain.pem#$tmp/cert.pem#; s#/etc/letsencrypt/live/chat.example.org/privkey.pem#$tmp/key.pem#;
        /\[::\]:/d; s/listen 443/listen 127.0.0.1:20443/; s/listen 80/listen 127.0.0.1:20080/" etc/nginx/confab.conf >"$tmp/site.conf"
    {
        printf 'pid %s/nginx.pid;\nevents {}\nhttp {\naccess_log off;\n' "$tmp"
        printf '%s_temp_path '"$tmp"'/temp;\n' client_body proxy fastcgi uwsgi scgi
        printf 'include %s/site.conf;\n}\n' "$tmp"
    } >"$tmp/nginx.conf"
    "$nginx" -t -e "$tmp/nginx.log" -p "$tmp" -c "$tmp/nginx.conf"
}

database_sample() {
    etc/dev/mariadb.sh start "$db" innodb_log_file_size=16M innodb_buffer_pool_size=32M &&
        etc/dev/mariadb.sh sql "$db" <etc/mariadb/confab.sql &&
        [ "$(etc/dev/mariadb.sh sql "$db" -N -e "SHOW GRANTS FOR confab@localhost" | grep -c 'ON `confab`')" = 1 ]
}

# Only what has been built is installed, and only then it is switched on.
installs_web() {
    local dir=''
    [ ! -e web/dist/index.html ] || dir=' /usr/local/share/confab/web'
    grep -qx "web_dir =$dir" "$tmp/root/etc/confab/confab-rest.conf" &&
        { [ -z "$dir" ] || diff -r web/dist "$tmp/root/usr/local/share/confab/web"; }
}

installs() {
    "${MAKE:-make}" --no-print-directory BUILD="$BUILD" DESTDIR="$tmp/root" PREFIX=/usr/local install >/dev/null &&
        "$tmp/root/usr/local/bin/confab-rest" --config "$tmp/root/etc/confab/confab-rest.conf" --print-config |
        grep -q '^migrations_dir = /usr/local/share/confab/sql$' &&
        ls "$tmp"/root/usr/local/share/confab/sql/*.sql >/dev/null && installs_web &&
        grep -q '^ExecStart=/usr/local/bin/confab-ws ' "$tmp/root/usr/local/lib/systemd/system/confab-ws@.service"
}

write_sample() { # PROGRAM, head on standard input
    cat >"$tmp/sample" && printf '\n' >>"$tmp/sample" && "$BUILD/$1" --print-config >>"$tmp/sample" && cp "$tmp/sample" "etc/$1.conf"
}

if [ "${1:-}" = --write ]; then
    write_sample confab-rest <<'TEXT' && write_sample confab-ws <<'TEXT2'
# confab-rest.conf -- every setting of the API daemon with its default; what is deleted here keeps its default
#
# `key = value`, # begins a comment. Times: ms, s, m, h, d; sizes: k, m, g. "reloadable" ones are taken over by SIGHUP
# (systemctl reload confab-rest). Check with: confab-rest --config FILE --check-config
#
# For production set at least
#   jwt_secret_file    32 random bytes or more, for example: openssl rand -base64 48
#   admin_token_file   the secret of confabctl, made in the same way
#   db_*               where the database is; etc/mariadb/confab.sql makes it and its user
#   origins            the web pages that may open a WebSocket with a cookie
#   trusted_proxies    the address of the TLS proxy (etc/nginx/confab.conf)
# The secrets are files of their own, readable by the user confab only: they are not in here and not in any command line.
TEXT
# confab-ws.conf -- every setting of a WebSocket worker with its default; what is deleted here keeps its default
#
# `key = value`, # begins a comment. Times: ms, s, m, h, d; sizes: k, m, g. One file serves all workers; each has its
# number from the command line (confab-ws --worker N). Check with: confab-ws --config FILE --check-config
TEXT2
    exit
fi

for p in confab-rest confab-ws; do
    check "etc/$p.conf equals the defaults of $p" equals_defaults "$p" "etc/$p.conf"
    check "$p refuses an unknown key with file and line" refuses "$p" 'no_such_key = 1'
    check "$p refuses a bad unit with file and line" refuses "$p" 'log_level = loud'
done
check 'the sample with secrets passes --check-config' complete_config
check 'the proxy sample is accepted by nginx' proxy_sample
check 'the database sample makes a user with rights on one database only' database_sample
check 'make install puts everything in place' installs

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
