# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# A server whose file system is full, until something is removed: run by tests/e2e/disk in name spaces
# of its own, so that it may mount. Fails with the first thing that is not as it must be.
set -euo pipefail
top=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
run_dir=$1
# shellcheck source=deploy/lib/system.sh
. "$top/deploy/lib/system.sh"
build=${HALLMARK_BUILD:-$top/build}
# shellcheck disable=SC2034 # system.sh uses it
softhsm_module=$build/oem-server/hsm/libsofthsm_quiet.so
trap process_stop_all EXIT

# What is left of the file system, and some bytes for a sync of what is open.
fill() { dd if=/dev/zero of="$run_dir/server/state/ballast" bs=4096 status=none 2> /dev/null || true; }

must() { # must WHAT COMMAND...
    "${@:2}" || { echo "$1" && exit 1; }
}

ends_with() { # ends_with CODE COMMAND...: its output is in $run_dir/told
    local code=0
    "${@:2}" > "$run_dir/told" 2>&1 || code=$?
    [ "$code" -eq "$1" ] || { echo "exit code $code, not $1: $(tail -n 2 "$run_dir/told")" && return 1; }
}

add_until_refused() { # orders, until the disk is full
    local i code
    for ((i = 0; i < 400; i++)); do
        code=0
        operator order create "full-$i" --quantity 1 --station line-1 --firmware "$firmware_sha256" \
            --devauth "$devauth_sha256" --lock production > "$run_dir/told" || code=$?
        [ "$code" -eq 0 ] || break
    done
    [ "$code" -eq 69 ]
}

healthy() {
    local i
    for ((i = 0; i < 60; i++)); do ! operator health > "$run_dir/told" 2>&1 || return 0; done
    return 1
}

starts() {
    timeout 60 "$build/oem-server/oem-server" --config "$run_dir/server/server.ini"
}

main() {
    mkdir -p "$run_dir/server" "$run_dir/log"
    mkdir -m 700 "$run_dir/server/state"
    must "no room of its own" mount -t tmpfs -o size=4m none "$run_dir/server/state"
    system_tokens
    system_settings "$run_dir/server/init.ini"
    system_settings "$run_dir/server/server.ini" "root ="
    fill
    must "init on a full disk" ends_with 74 oemctl init --config "$run_dir/server/init.ini" \
        --operator alice --out "$run_dir/desk"
    rm "$run_dir/server/state/ballast"
    must "init afterwards" ends_with 0 oemctl init --config "$run_dir/server/init.ini" \
        --operator alice --out "$run_dir/desk"
    system_server
    system_release
    system_station line-1
    fill
    must "no order is refused with 69" add_until_refused
    must "reads on a full disk" ends_with 0 operator order list
    must "Health on a full disk" ends_with 69 oemctl health --config "$run_dir/desk/oemctl.ini"
    must "Health's words" grep -q 'its disk is full' "$run_dir/told"
    rm "$run_dir/server/state/ballast"
    must "no recovery" healthy
    must "the log" operator log verify --state --vkey "$run_dir/desk/log.vkey"
    fill
    process_stop oem-server && code=0 || code=$?
    [ "$code" -eq 0 ] || [ "$code" -eq 69 ] || { echo "the stop ends with $code" && exit 1; }
    rm "$run_dir/server/state/"{ballast,signatures}
    fill
    must "a start on a full disk" ends_with 69 starts
    rm "$run_dir/server/state/ballast"
    mount -o remount,ro "$run_dir/server/state"
    must "a start in a read-only folder" ends_with 73 starts
    mount -o remount,rw "$run_dir/server/state"
    system_server
    must "the log afterwards" operator log verify --state --vkey "$run_dir/desk/log.vkey"
}

main
