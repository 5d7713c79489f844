# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# setup: the real server, who may speak to it, and Node with its packages. Sourced by the tests of
# this folder.
# shellcheck source=tests/e2e/lib.sh
. "${BASH_SOURCE[0]%/*}/../../e2e/lib.sh"
# shellcheck source=tests/interop/npm.sh
. "$top/tests/interop/npm.sh"

here=$top/tests/interop/rpc
modules=$build/interop/rpc

auditor() { # auditor NAME: a certificate for who reads the log
    mkdir -p "$run_dir/auditor"
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" \
        -keyout "$run_dir/auditor/$1.key" -out "$run_dir/auditor/$1.csr" 2> /dev/null
    operator auditor add "$1" --csr "$run_dir/auditor/$1.csr" --out "$run_dir/auditor/$1.pem" \
        > "$run_dir/log/auditor-$1.txt"
}

node_run() { # node_run NAME [ARGUMENT...]: its lines are counted like ours
    local name=$1 line refused=false
    shift
    while IFS= read -r line; do
        say "$line"
        case $line in
            'ok '*) proved=$((proved + 1)) ;;
            'not ok '*) refused=true unproved=$((unproved + 1)) ;;
            # A failed check is why it ended with 1, and was counted.
            'ended with '*) $refused || { say "not ok $name: $line" && unproved=$((unproved + 1)); } ;;
        esac
    done < <(node "$here/$name.js" "$@" 2>&1 || echo "ended with $?")
}

# Server, stations line-1 to line-3, operator alice, auditor carol, order interop.
interop_up() {
    npm_install "${0##*/}" "$here" "$modules"
    system_up 0
    system_station line-2
    system_station line-3
    auditor carol
    system_order interop 100000 line-1 --station line-2 --station line-3
    # The server listens on 127.0.0.1; node 18 tries only the first address of localhost, often ::1.
    export NODE_OPTIONS=--dns-result-order=ipv4first
    export NODE_PATH=$modules/node_modules INTEROP_DIR=$run_dir INTEROP_SERVER=$server_url \
        INTEROP_SERVER_PID=${process_pid[oem-server]} \
        INTEROP_FIRMWARE_SHA256=$firmware_sha256 INTEROP_DEVAUTH_SHA256=$devauth_sha256
}
