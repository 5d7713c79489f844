# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # run_dir and build: lib.sh has them
# faults: a disk that fails under the server and oemctl, and works again (tests/e2e/faults/faults.c).
# Sourced after lib.sh.

faults=$run_dir/faults
head -c 4096 /dev/zero > "$faults"
hsm_environment+=("LD_PRELOAD=$build/tests/e2e/faults/faults.so" "FAULTS=$faults"
    "ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0")
state_files=/server/state/ # all of the server's own

# From now on, for programs that run already too: the file is mapped, so it is not truncated.
fault() { printf '%-250s\n' "$1 $2" 1<> "$faults"; } # fault FAULT PATH
no_fault() { fault none -; }
no_fault

# As the other process that holds the lock of FILE for as long as the last line does.
lock_hold() { # lock_hold FILE COMMAND...
    local file=$1 code=0
    shift
    exec {lock_fd}<> "$file"
    flock "$lock_fd"
    "$@" {lock_fd}>&- || code=$?
    exec {lock_fd}>&-
    return "$code"
}

# Another program changes the store's file, and does not end.
sql_hold() {
    mkfifo "$run_dir/sql.in" "$run_dir/sql.out"
    sqlite3 "$run_dir/server/state/hallmark.db" < "$run_dir/sql.in" > "$run_dir/sql.out" 2>&1 &
    sql_pid=$!
    exec {sql_in}> "$run_dir/sql.in" {sql_out}< "$run_dir/sql.out"
    printf '.timeout 5000\nBEGIN IMMEDIATE;\nSELECT 1;\n' >&"$sql_in"
    read -r -t 20 -u "$sql_out" || die "sqlite3 has no lock"
}

sql_release() {
    exec {sql_in}>&- {sql_out}<&-
    wait "$sql_pid" || true
    rm -f "$run_dir/sql.in" "$run_dir/sql.out"
}

# The server's start as a service manager sees it: its exit code, and its last lines.
server_tries() { # server_tries: server_code, $run_dir/tried
    server_code=0
    timeout 60 env "${hsm_environment[@]}" "$build/oem-server/oem-server" \
        --config "$run_dir/server/server.ini" > "$run_dir/tried" 2>&1 || server_code=$?
    cat "$run_dir/tried" >> "$run_dir/log/oem-server.log"
}

# oemctl, by its exit code and its words.
operator_tries() { # operator_tries COMMAND...: operator_code, $run_dir/told
    operator_code=0
    oemctl "$@" --config "$run_dir/desk/oemctl.ini" > "$run_dir/told" 2>&1 || operator_code=$?
    cat "$run_dir/told" >> "$run_dir/log/oemctl.log"
}

# The status that a peer got is no doubt about it (16), whatever the fault is.
never_doubted() {
    ! grep -hiE 'UNAUTHENTICATED|not registered|certificate revoked' "$run_dir/told" || return 1
    ! jq -se 'any(.[]; .status == 16)' "$run_dir/said" > "$run_dir/is" 2> /dev/null
}

# Health is asked until it is well: what was wrong is over, and nobody restarts the server.
recovers() {
    local tries
    for ((tries = 0; tries < 60; tries++)); do
        operator_tries health
        [ "$operator_code" -ne 0 ] || return 0
    done
    cat "$run_dir/told"
    return 1
}
