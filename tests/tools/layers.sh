#!/bin/bash
# layers.sh -- who may include what, who may call what, and what the built programs contain
#
# Each rule is one call; a violation is printed as file:line and fails the rule. Comments are taken out first (by the
# preprocessor's rules, line numbers kept), so a header may talk about what it does not do. To allow one more file, widen
# the pattern of its rule here and say why.
set -u
BUILD=${BUILD:-build}
cd "$(dirname "$0")/../.."

passed=0
failed=0
text=$(mktemp -d)
trap 'rm -rf "$text"' EXIT

# All sources without comments, as $text/<path>.
strip_comments() {
    local f
    find shared rest ws tests -name '*.[ch]' -not -path '*/node_modules/*' | sort | while read -r f; do
        mkdir -p "$text/$(dirname "$f")"
        awk '
        {
            line = $0; out = ""; i = 1; n = length(line)
            while (i <= n) {
                two = substr(line, i, 2); c = substr(line, i, 1)
                if (in_comment) {
                    if (two == "*/") { in_comment = 0; i += 2 } else { i++ }
                } else if (quote != "") {
                    out = out c
                    if (c == "\\") { out = out substr(line, i + 1, 1); i += 2; continue }
                    if (c == quote) { quote = "" }
                    i++
                } else if (two == "/*") { in_comment = 1; out = out " "; i += 2 }
                else if (two == "//") { break }
                else { if (c == "\"" || c == "\047") { quote = c } out = out c; i++ }
            }
            if (substr(line, n, 1) != "\\") { quote = "" }
            print out
        }' "$f" >"$text/$f"
    done
}

verdict() { # name, violations
    if [ -z "$2" ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'layers: %s\n%s\n' "$1" "$(printf '%s\n' "$2" | head -n 20 | sed 's/^/    /')"
    fi
}

# forbid NAME PATTERN WHERE [EXCEPT]: no line of files matching WHERE (path regexp), EXCEPT not, matches PATTERN (ERE).
forbid() {
    local name=$1 pattern=$2 where=$3 except=${4:-'^$'}
    local files
    files=$(cd "$text" && find . -type f | sed 's#^\./##' | grep -E "$where" | grep -vE "$except" | sort)
    verdict "$name" "$([ -z "$files" ] || (cd "$text" && grep -nE "$pattern" $files /dev/null))"
}

# only_in NAME HEADERS WHERE: the headers are included nowhere in the daemons except in files matching WHERE.
only_in() {
    forbid "$1 only in $3" "^[[:space:]]*#[[:space:]]*include[[:space:]]*[<\"]($2)" '^(shared|rest|ws)/' "$3"
}

include() { echo "^[[:space:]]*#[[:space:]]*include[[:space:]]*[<\"]($1)"; }

# includes_only NAME WHERE ALLOWED: files matching WHERE include nothing but what ALLOWED matches.
includes_only() {
    local files
    files=$(cd "$text" && find . -type f | sed 's#^\./##' | grep -E "$2" | sort)
    verdict "$1" "$([ -z "$files" ] || (cd "$text" && grep -nE '^[[:space:]]*#[[:space:]]*include' $files /dev/null |
        grep -vE "include[[:space:]]*($3)"))"
}

strip_comments

# --- directions
forbid 'shared includes neither rest nor ws' "$(include '(\.\./)*(rest|ws)/')" '^shared/'
forbid 'rest does not include ws' "$(include '(\.\./)*ws/')" '^rest/'
forbid 'ws does not include rest' "$(include '(\.\./)*rest/')" '^ws/'
forbid 'own headers are included from the root of the tree' "$(include '(\.\.?/)')" '^(shared|rest|ws|tests)/'
forbid 'own headers name their folder' '^[[:space:]]*#[[:space:]]*include[[:space:]]*"[^/]*"' '^(shared|rest|ws)/'

# --- third-party headers, each in one place
only_in 'libmicrohttpd' 'microhttpd' '^rest/http_server(_body\.c|_loop\.c|_upgrade\.c|_int\.h|\.c)$'
only_in 'libmagic' 'magic\.h>' '^rest/magic\.c$'
only_in 'libwebsockets' 'libwebsockets|lws' '^ws/net_lws[a-z_]*\.[ch]$'
only_in 'libuv' 'uv\.h|uv/' '^ws/(net_lws[a-z_]*|main)\.[ch]$'
only_in 'json-c' 'json-c|json\.h>|json_object' '^shared/json\.c$'
only_in 'MariaDB' 'mysql|mariadb' '^rest/store_maria[a-z_]*\.[ch]$'
# push_crypt.c: Web Push is P-256, AES-128-GCM and ES256, which only libcrypto has
only_in 'OpenSSL' 'openssl' '^(shared/jwt_keys|rest/jwks|rest/push_crypt|rest/sealer|rest/sha256)\.c$'
only_in 'libsodium' 'sodium' '^(shared/(base64|id|map64)|rest/(password|token[a-z_]*|ticket[a-z_]*))\.c$'
# push_http.c: the requests that the daemon itself makes
only_in 'libcurl' 'curl/' '^rest/(ctl[a-z_]*|push_http)\.c$'

# --- layers inside the daemons
includes_only 'a dialect includes its table, the vocabulary and shared text helpers' '^ws/dialect_[a-z0-9_]*\.[ch]$' \
    '"(ws/((dialect|op|event)[a-z0-9_]*|sio_packet)\.h|shared/[a-z0-9_]+\.h)"|<(assert|inttypes|limits|std[a-z]+|string|strings)\.h>'
forbid 'a dialect does not know the link' "$(include 'shared/link')" '^ws/dialect_[a-z0-9_]*\.[ch]$'
forbid 'only the list of dialects and the dialects name one' \
    'DIALECT_(ROOMS|SUBSCRIBE|SOCKETIO|CONVERSATIONS|DASHBOARD|INBOX)|"(rooms|conversations|new_chat_room|personal_message|group_message)' \
    '^ws/' '^ws/dialect'
forbid 'services know neither HTTP nor SQL' "$(include 'rest/(http|handler|door|store_maria)')" '^rest/(svc|writer|feed|cache)[a-z_]*\.[ch]$'
forbid 'handlers do not reach below the services' "$(include 'rest/(store|writer|dbpool)')" '^rest/handler[a-z_]*\.[ch]$'
forbid 'the store knows nothing above it' "$(include 'rest/(http|handler|svc|door|link_)')" '^rest/(store|dbpool)[a-z_]*\.[ch]$'

# --- SQL has one home
sql='"[^"]*\<(SELECT [^"]*\<FROM|INSERT (IGNORE )?INTO|UPDATE [a-z_]+ SET|DELETE FROM|CREATE TABLE|START TRANSACTION|REPLACE INTO)\>'
forbid 'SQL only in rest/store_maria*' "$sql" '^(shared|rest|ws)/' '^rest/store_maria[a-z_]*\.[ch]$'

# --- calls
call() { echo "(^|[^A-Za-z0-9_>.])($1)[[:space:]]*\\("; }
forbid 'die and exit only where a program starts' "$(call 'die|exit|_exit|_Exit|quick_exit')" '^(shared|rest|ws)/' \
    '^(rest|ws)/main\.c$|^rest/ctl[a-z_]*\.c$'
forbid 'abort only behind BUG and the dying allocator' "$(call 'abort')" '^(shared|rest|ws)/' '^shared/(bug|mem)\.[ch]$'
forbid 'no unbounded or stateful calls of libc' \
    "$(call 'strcpy|strcat|stpcpy|strncpy|strncat|sprintf|vsprintf|gets|strtok|strtok_r|atoi|atol|atoll|atof|scanf|sscanf|fscanf|alloca|tmpnam|mktemp|system|popen|rand|srand|random|asctime|ctime|gmtime|localtime|usleep|inet_ntoa|gethostbyname')" \
    '^(shared|rest|ws)/' '^shared/banned\.h$'
forbid 'signal only to ignore one; handlers by sigaction or signalfd' "$(call 'signal')[^,]*,[[:space:]]*[^S[:space:]]" '^(shared|rest|ws)/'
verdict 'goto leads only to the one exit of a function' \
    "$(cd "$text" && grep -rnE '(^|[^A-Za-z0-9_])goto[[:space:]]' shared rest ws | grep -vE 'goto[[:space:]]+out[a-z_]*;')"

# --- size: a reader sees a function on one screen and a file in one sitting
verdict 'functions have at most 80 lines' "$(cd "$text" && find shared rest ws -name '*.c' | sort | while read -r f; do
    awk -v f="$f" '/^\{/ { start = FNR } /^\}/ && start { if (FNR - start > 81) print f ":" start ": " FNR - start - 1 " lines"; start = 0 }' "$f"
done)"
verdict 'files have at most 650 lines' "$(cd "$text" && find shared rest ws -name '*.[ch]' | sort | xargs wc -l |
    awk '$2 != "total" && $1 > 650 { print $2 ": " $1 " lines" }')"

# --- text of the tree
tree() { git grep -nIE "$1" -- . ':!tests/tools/layers.sh' ':!*.md' 2>/dev/null; }
verdict 'nothing unfinished' "$(tree '\<(TODO|FIXME|XXX|HACK)\>')"
verdict 'no package registry and no path of one machine' \
    "$(tree 'https?://(deb|registry|security|packages|crates|pypi)\.|(^|[^A-Za-z0-9_./-])/(work|farm)/')"
verdict 'no test is switched off' "$(git grep -nIE '(it|test|describe)\.(skip|todo)\(|assert_true\(1\)' -- tests ':!tests/tools/layers.sh')"

# --- what the built programs contain
if [ -e "$BUILD/confab-ws" ]; then
    verdict 'confab-ws links no database and no HTTP server' \
        "$(ldd "$BUILD/confab-ws" | grep -iE 'maria|mysql|microhttpd|curl')"
    verdict 'confab-ws refers to no symbol of a database library' \
        "$(nm "$BUILD/confab-ws" | grep -iE ' (mysql|mariadb|MHD)_')"
    verdict 'confab-ws contains no SQL' \
        "$(strings -n 6 "$BUILD/confab-ws" | grep -E '\<(SELECT .*\<FROM|INSERT (IGNORE )?INTO|UPDATE [a-z_]+ SET|DELETE FROM|CREATE TABLE)\>')"
    verdict 'confab-ws contains no token verifier' "$(nm "$BUILD/confab-ws" | grep -E ' jwt_(sign|verify)')"
    verdict 'confab-ws has no setting for the database or a signing key' \
        "$("$BUILD/confab-ws" --print-config 2>/dev/null | grep -vE '^[[:space:]]*#' | grep -E '^(db_|jwt_|migrations)')"
fi
if [ -e "$BUILD/confab-rest" ]; then
    verdict 'confab-rest links no WebSocket library' "$(ldd "$BUILD/confab-rest" | grep -iE 'websockets|libuv')"
fi

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
