# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# setup: the real server, who may speak to it, and Node with its packages. Sourced by the tests of
# this folder.
# shellcheck source=tests/e2e/lib.sh
. "${BASH_SOURCE[0]%/*}/../../e2e/lib.sh"

here=$top/tests/interop/rpc
modules=$build/interop/rpc

# npm's packages, as package-lock.json pins them, outside the sources.
node_install() {
    mkdir -p "$modules"
    cmp -s "$here/package-lock.json" "$modules/installed-lock.json" && return 0
    cp "$here"/package.json "$here"/package-lock.json "$here"/.npmrc "$modules/"
    (cd "$modules" && npm ci --ignore-scripts --no-audit --no-fund) > "$modules/npm.log" 2>&1 || {
        cat "$modules/npm.log"
        die "npm ci failed"
    }
    cp "$here/package-lock.json" "$modules/installed-lock.json"
}

auditor() { # auditor NAME: a certificate for who reads the log
    mkdir -p "$run_dir/auditor"
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" \
        -keyout "$run_dir/auditor/$1.key" -out "$run_dir/auditor/$1.csr" 2> /dev/null
    operator auditor add "$1" --csr "$run_dir/auditor/$1.csr" --out "$run_dir/auditor/$1.pem" \
        > "$run_dir/log/auditor-$1.txt"
}

node_run() { # node_run NAME [ARGUMENT...]: its lines are counted like ours
    local name=$1 line
    shift
    while IFS= read -r line; do
        say "$line"
        case $line in
            'ok '*) proved=$((proved + 1)) ;;
            'not ok '*) unproved=$((unproved + 1)) ;;
        esac
    done < <(node "$here/$name.js" "$@" 2>&1 || say "not ok $name: ended with $?")
}

# Server, stations line-1 and line-2, operator alice, auditor carol, order interop.
interop_up() {
    node_install
    system_up 0
    system_station line-2
    auditor carol
    system_order interop 100000 line-1 --station line-2
    export NODE_PATH=$modules/node_modules INTEROP_DIR=$run_dir INTEROP_SERVER=$server_url \
        INTEROP_SERVER_PID=${process_pid[oem-server]} \
        INTEROP_FIRMWARE_SHA256=$firmware_sha256 INTEROP_DEVAUTH_SHA256=$devauth_sha256
}
