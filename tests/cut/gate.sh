# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# gate: the points at which a test stops programs (tests/cut/gate.c), over its two pipes.
#
# Sourced by tests/cut/cut, after tests/e2e/lib.sh.

gate_in='' gate_out='' gate_socket=$run_dir/gate

gate_open() {
    local fifo=$run_dir/gate-fifo program=$build/tests/cut/gate
    [ -x "$program" ] || program=$top/build-test/tests/cut/gate # build/ may be without tests
    mkfifo "$fifo.in" "$fifo.out"
    "$program" "$gate_socket" < "$fifo.in" > "$fifo.out" 2>> "$run_dir/log/gate.log" &
    process_pid[gate]=$!
    exec {gate_in}> "$fifo.in" {gate_out}< "$fifo.out"
    gate_read
    [ "$gate_line" = ready ] || die "the gate did not start"
}

# A line; what has come of one when the time is over is kept for the next call.
gate_part=''
gate_next() { # gate_next SECONDS: gate_line
    local piece code=0
    IFS= read -r -t "$1" -u "$gate_out" piece || code=$?
    gate_part+=$piece
    [ "$code" -eq 0 ] || return "$code"
    gate_line=$gate_part gate_part=''
}

gate_read() { gate_next 60 || die "the gate said nothing"; }

gate_events=() # "held" lines that came between a command and its answer

gate() { # gate COMMAND...
    printf '%s\n' "$*" >&"$gate_in"
    gate_read
    while [[ $gate_line == held* ]]; do
        gate_events+=("$gate_line")
        gate_read
    done
    [ "$gate_line" = ok ] || die "gate: $*: $gate_line"
}

# The next "held UID PROGRAM PID" within so many seconds: gate_line. Fails if there is none.
gate_held() { # gate_held SECONDS
    if [ ${#gate_events[@]} -gt 0 ]; then
        gate_line=${gate_events[0]}
        gate_events=("${gate_events[@]:1}")
        return 0
    fi
    gate_next "$1"
}
