# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# gate: the points at which a test stops programs (tests/cut/gate.c), over its two pipes.
#
# Sourced by tests/cut/cut, after tests/e2e/lib.sh.

gate_in='' gate_out='' gate_never='' gate_socket=$run_dir/gate

gate_open() {
    local fifo=$run_dir/gate-fifo program=$build/tests/cut/gate
    mkfifo "$fifo.in" "$fifo.out" "$fifo.never"
    "$program" "$gate_socket" < "$fifo.in" > "$fifo.out" 2>> "$run_dir/log/gate.log" &
    process_pid[gate]=$!
    exec {gate_in}> "$fifo.in" {gate_out}< "$fifo.out" {gate_never}<> "$fifo.never"
    gate_read
    [ "$gate_line" = ready ] || die "the gate did not start"
}

gate_read() { IFS= read -r -t 60 -u "$gate_out" gate_line || die "the gate said nothing"; }

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

# The next "held UID PROGRAM PID" within so many milliseconds: gate_line. Fails if there is none. A
# read whose time is over in the middle of a line can lose a byte of it: so it is begun only when
# there is one, and the gate writes a line in one piece.
gate_held() { # gate_held MILLISECONDS
    local end=$((${EPOCHREALTIME/[.,]/} + 1000 * $1))
    if [ ${#gate_events[@]} -gt 0 ]; then
        gate_line=${gate_events[0]}
        gate_events=("${gate_events[@]:1}")
        return 0
    fi
    until read -r -t 0 -u "$gate_out"; do
        [ "${EPOCHREALTIME/[.,]/}" -lt "$end" ] || return 1
        read -r -t 0.01 -u "$gate_never" || true
    done
    gate_read
}
