#!/bin/bash
# web.sh -- the web part without a browser: types fit, the client library has its size, the built pages keep the policy
set -u
cd "$(dirname "$0")/../../web"
passed=0
failed=0

# check NAME COMMAND...: succeeds and is quiet, else its output is shown
check() {
    local name=$1 out
    shift
    if out=$("$@" 2>&1); then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'web: %s\n%s\n' "$name" "$(printf '%s\n' "$out" | head -n 40 | sed 's/^/    /')"
    fi
}

# default-src 'self' stops them silently in the browser.
no_inline() {
    ! grep -rnE --include='*.html' '<script>|<script [^>]*[^/]>[^<]|<style|[[:space:]]on[a-z]+=|javascript:| style=' dist
}

check 'types' node_modules/.bin/tsc -p tsconfig.json
check 'the client library is small' node client/build.mjs
check 'no page has a script or a style inside' no_inline

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
