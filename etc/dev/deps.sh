#!/bin/bash
# deps.sh run|web|test -- install the Debian packages that are missing; does nothing when none is.
#
# "run" is what building and running the daemons needs; "web" is node with the npm packages that the web application is
# built from; "test" is both and what the tests need. Only mariadb-server-core is taken, not
# mariadb-server: no service is installed or started, ours is private. Packages that bring a service nevertheless
# (nginx, for one test) are kept from starting it. sudo is used only by ordinary users and only to install.
set -euo pipefail
cd "$(dirname "$0")/../.."

run=(
    gcc libc6-dev make pkgconf ca-certificates curl
    libmagic-dev libmicrohttpd-dev libwebsockets-dev libwebsockets-evlib-uv libuv1-dev libjson-c-dev libmariadb-dev
    libssl-dev libsodium-dev libcurl4-openssl-dev uthash-dev
    mariadb-server-core mariadb-client-core
)
test=(
    git libcmocka-dev clang libclang-rt-dev llvm clang-tidy clang-format cppcheck spin binutils openssl iproute2
    chromium nginx-light systemd python3 python3-websockets python3-aiohttp python3-socketio
)

missing=()
want() {
    local p
    for p in "$@"; do
        case $(dpkg-query -W -f '${Status}' "$p" 2>/dev/null || true) in
        *"ok installed") ;;
        *) missing+=("$p") ;;
        esac
    done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "deps: these packages are missing and there is no sudo; as root: apt-get install ${missing[*]}" >&2
        exit 1
    fi
}

apt() {
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o Dpkg::Use-Pty=0 "$@"
}

# While we install, nothing that a package brings may be started.
install_quietly() {
    local guard=/usr/sbin/policy-rc.d placed='' status=0
    if [ ! -e "$guard" ]; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$guard" >/dev/null
        as_root chmod 755 "$guard"
        placed=1
    fi
    apt install --no-install-recommends "${missing[@]}" || status=$?
    if [ -n "$placed" ]; then
        as_root rm -f "$guard"
    fi
    return "$status"
}

install_missing() {
    echo "deps: installing ${missing[*]}"
    apt update || echo "deps: apt-get update failed, trying with the package lists as they are" >&2
    install_quietly
    case " ${missing[*]} " in
    *" nginx-light "*)
        if command -v systemctl >/dev/null; then
            as_root systemctl disable --quiet nginx 2>/dev/null || true
        fi
        ;;
    esac
}

install_npm_packages() { # FOLDER
    local stamp=$1/node_modules/.package.json
    if ! cmp -s "$1/package.json" "$stamp"; then
        command -v npm >/dev/null || { echo "deps: npm is missing" >&2; exit 1; }
        echo "deps: installing the npm packages of $1/package.json"
        (cd "$1" && npm install --no-package-lock --no-audit --no-fund --ignore-scripts --loglevel=error)
        cp "$1/package.json" "$stamp"
    fi
    touch "$stamp"
}

# A node from elsewhere is as good as Debian's, and often brings its own npm.
want_node() {
    command -v node >/dev/null || want nodejs
    command -v npm >/dev/null || want npm
}

if ! command -v apt-get >/dev/null; then
    echo "deps: this is not Debian; needed are the counterparts of: ${run[*]}" >&2
else
    case ${1:-run} in
    run) want "${run[@]}" ;;
    web) want_node ;;
    test)
        want "${run[@]}" "${test[@]}"
        want_node
        ;;
    esac
    if [ ${#missing[@]} -gt 0 ]; then
        install_missing
    fi
fi
if [ "${1:-run}" = test ]; then
    install_npm_packages tests
fi
if [ "${1:-run}" != run ]; then
    install_npm_packages web
fi
