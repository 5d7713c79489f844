# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# relay: what is between an agent and the server where the network is lost (tests/cut/relay.c): a
# line of its own for each such board. Its connections are closed; or it is silent without a close,
# in one direction or both: because the relay passes nothing on, or with --packets because the
# kernel drops the packets between the agent and it.
#
# Sourced by tests/cut/cut, after tests/cut/gate.sh.

relay_in='' relay_out='' relay_line=''
packets=false           # --packets
declare -A line_ports=() # of the lines that are open, by board

relay_start() {
    local fifo=$run_dir/relay-fifo program=$build/tests/cut/relay
    ! $packets || packets_can_drop || die "--packets needs a network namespace of its own: tests/cut/slow/packets"
    mkfifo "$fifo.in" "$fifo.out"
    "$program" "$system_port" < "$fifo.in" > "$fifo.out" 2>> "$run_dir/log/relay.log" &
    process_pid[relay]=$!
    exec {relay_in}> "$fifo.in" {relay_out}< "$fifo.out"
    relay_read
    [ "$relay_line" = ready ] || die "the relay did not start"
}

relay_read() { IFS= read -r -t 60 -u "$relay_out" relay_line || die "the relay said nothing"; }

relay() { # relay COMMAND...
    printf '%s\n' "$*" >&"$relay_in"
    relay_read
    [[ $relay_line = ok || $relay_line == port\ * ]] || die "relay: $*: $relay_line"
}

line_open() { # line_open BOARD
    relay open "$1"
    line_ports[$1]=${relay_line#port }
    agents_url[$1]=wss://localhost:${line_ports[$1]}
}

line_close() { # line_close BOARD: what of it is left
    [ -n "${line_ports[$1]:-}" ] || return 0
    line_go "$1"
    relay close "$1"
    unset "line_ports[$1]" "agents_url[$1]"
}

line_silent() { # line_silent BOARD up|down|both
    if ! $packets; then
        relay silent "$1" "$2"
        return 0
    fi
    [ "$2" = down ] || drop_packets add "dport ${line_ports[$1]}"
    [ "$2" = up ] || drop_packets add "sport ${line_ports[$1]}"
}

line_go() { # line_go BOARD: what has come in the meantime first
    local rule
    if ! $packets; then
        relay go "$1"
        return 0
    fi
    for rule in "dport ${line_ports[$1]}" "sport ${line_ports[$1]}"; do
        drop_packets del "$rule" 2> /dev/null || true
    done
}

# ---- packets ----

# Rules of the kernel's routing by port, in front of the local table: this process has a network
# namespace of its own (tests/cut/slow/packets), so nothing else is concerned.
packets_can_drop() {
    [ "$(ip -o link show | wc -l)" -eq 1 ] && ip link set lo up && ip rule add pref 10 lookup local &&
        ip rule del pref 0
}

drop_packets() { # drop_packets add|del "dport PORT"|"sport PORT"
    local words
    read -ra words <<< "$2"
    ip rule "$1" pref 5 ipproto tcp "${words[@]}" blackhole
}
