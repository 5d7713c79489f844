# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# process: start programs that say "ready", and stop every one of them whatever happens.
#
# The sourcing script sets run_dir, a folder of its own; logs are run_dir/log/NAME.log. Nothing
# here sleeps: a start waits for the program's own word, a stop for its end.
# shellcheck source=deploy/lib/say.sh
. "${BASH_SOURCE[0]%/*}/say.sh"

run_dir=${run_dir:-} # the caller's
declare -A process_pid=()
process_ready_s=60 process_stop_s=20

# process_start NAME COMMAND...: its lines up to "ready..." are then in process_lines.
process_start() {
    local name=$1 line fifo fd
    shift
    mkdir -p "$run_dir/log"
    fifo=$(mktemp -u "$run_dir/log/XXXXXX")
    mkfifo "$fifo"
    "$@" > "$fifo" 2>> "$run_dir/log/$name.log" &
    process_pid[$name]=$!
    exec {fd}< "$fifo"
    rm -f "$fifo"
    process_lines=()
    while IFS= read -r -t "$process_ready_s" -u "$fd" line; do
        process_lines+=("$line")
        # fd stays open: the program may say more.
        [[ $line != ready* ]] || return 0
    done
    process_kill "$name"
    tail -n 20 "$run_dir/log/$name.log" >&2
    die "$name did not start"
}

# process_stop NAME: as an operator would; returns its exit code.
process_stop() {
    local pid=${process_pid[$1]:-} code=0
    [ -n "$pid" ] || return 0
    kill -TERM "$pid" 2> /dev/null || true
    timeout "$process_stop_s" tail --pid="$pid" -s 0.02 -f /dev/null || kill -KILL "$pid" || true
    wait "$pid" 2> /dev/null || code=$?
    unset "process_pid[$1]"
    return "$code"
}

# process_kill NAME: as a power cut would.
process_kill() {
    local pid=${process_pid[$1]:-}
    [ -n "$pid" ] || return 0
    kill -KILL "$pid" 2> /dev/null || true
    wait "$pid" 2> /dev/null || true
    unset "process_pid[$1]"
}

process_stop_all() {
    local name
    for name in "${!process_pid[@]}"; do
        process_stop "$name" || true
    done
}
