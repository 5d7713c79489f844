# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# waiting: agents that are interrupted while they wait, and what they wait for. Sourced by
# tests/cut/cut.
#
# A case is waiting:station-agent:PLACE:inside:1:PARTY, with a place of these:
#   idle       between boards: of its two positions one has its board sealed, the other has not
#              opened a run yet
#   reconnect  the server is gone, and the agent counts down to its next attempt
#   hsm        its call is with the server, whose HSM does not come back from a signature

waiting_places=(idle reconnect hsm)

add_waiting() {
    local place party
    for place in "${waiting_places[@]}"; do
        for party in "${everywhere[@]}"; do cases+=("waiting:station-agent:$place:inside:1:$party"); done
    done
}

run_waiting() { # run_waiting CASE
    local place party board count=1
    IFS=: read -r _ _ place _ _ party <<< "$1"
    [ "$place" != idle ] || count=2
    batch_cases=() missed=()
    for ((board = 0; board < count; board++)); do batch_cases+=("$1"); done
    boards_up "$count"
    ! needs_line "$party" || line_open 0
    "wait_$place" "$party"
    agent_wait 0
    for ((board = 0; board < count; board++)); do
        control_ok power "$board" on
        control_ok fault "$board" link-down off
    done
    line_close 0
    end_batch
}

# ---- how the agent comes to wait ----

hold_at() { # hold_at BOARD PROGRAM PLACE MOMENT: and no longer than a minute
    gate hold "${board_uids[$1]}" "$2" "$3" "$4" 1
    agent_start_at 0
    gate_held 60000 || missed[$1]=${batch_cases[$1]}
}

# A line of the agent that matches; nothing comes any more when it has ended.
agent_says() { # agent_says TEXT
    local line
    while IFS= read -r -t 60 line; do
        [[ $line != *"$1"* ]] || return 0
    done < <(exec tail -n +1 -s 0.02 -f --pid="${process_pid[agent-0]}" "$run_dir/agent-0")
    missed[0]=${batch_cases[0]}
}

# The party, while the agent waits; board is the one whose power or link it is.
lose_and_go_on() { # lose_and_go_on PARTY BOARD COMMAND...
    case $1 in
        power | link) "lose_$1" "$2" ;;
        server | token) "lose_$1" ;;
        *) "lose_$1" 0 ;; # of the agent, whose line is that of board 0
    esac
    "${@:3}"
}

wait_idle() { # wait_idle PARTY
    agent_probes=("${board_probes[@]}")
    hold_at 1 station-agent Runs/Open before
    agent_says '"result":"sealed"'
    agent_probes=()
    lose_and_go_on "$1" 1 gate go "${board_uids[1]}"
    agent_wait 0
    ! is_shared "$1" || "back_$1"
}

# With the server's return the agent goes on by itself, if it is still there.
wait_reconnect() { # wait_reconnect PARTY
    local options=("${provision_options[@]}") then=return_after_others
    ! is_shared "$1" || then=return_after_$1
    provision_options+=(--reconnect 60)
    hold_at 0 station-agent arrow-14 before
    process_kill oem-server
    gate go "${board_uids[0]}"
    agent_says '"connection":"lost"'
    provision_options=("${options[@]}")
    lose_and_go_on "$1" 0 "$then" "$1"
}

return_after_others() {
    system_server
    ! is_silence "$1" || line_go 0 # its attempts of the meantime have come to nothing
    agent_wait 0
}

# It is back, and lost again before a board is done.
return_after_server() {
    system_server
    agent_says '"connection":"open"'
    lose_server
    system_server
    agent_wait 0
}

# lose_token has taken them away: the server does not start without.
return_after_token() {
    prove_not "waiting:$1: the server does not start without its tokens" server_starts
    mv "$run_dir/hsm/away" "$run_dir/hsm/tokens"
    system_server
    agent_wait 0
}

server_starts() { # in a subshell
    timeout 90 "$build/oem-server/oem-server" --config "$run_dir/server/server.ini" \
        "${server_options[@]}" > "$run_dir/said"
}

# The server on a PKCS#11 module whose C_Sign hangs while there is a file (tests/unit/p11shim.h).
wait_hsm() { # wait_hsm PARTY
    local seen
    server_with_module "$build/oem-server/hsm/libp11shim.so"
    seen=$(wc -l < "$run_dir/log/oem-server.log")
    hold_at 0 oem-server arrow-14 claimed
    : > "$P11SHIM_HANG"
    gate go "${board_uids[0]}"
    server_says $((seen + 1)) 'C_Sign has not returned'
    lose_and_go_on "$1" 0 rm -f "$P11SHIM_HANG"
    agent_wait 0
    ! is_shared "$1" || "back_$1"
    server_with_module "$softhsm_module"
}

server_with_module() { # server_with_module FILE
    export P11SHIM_MODULE=$softhsm_module P11SHIM_HANG=$run_dir/hang
    process_stop oem-server || true
    sed -i "s|^module = .*|module = $1|" "$run_dir/server/server.ini"
    system_server
}

server_says() { # server_says FROM_LINE TEXT
    local line
    while IFS= read -r -t 60 line; do
        [[ $line != *"$2"* ]] || return 0
    done < <(exec tail -n "+$1" -s 0.02 -f --pid="${process_pid[oem-server]}" "$run_dir/log/oem-server.log")
    missed[0]=${batch_cases[0]}
}
