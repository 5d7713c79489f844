# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# parties: each is lost while programs stand still at their points, and comes back afterwards.
# Sourced by tests/cut/cut.
#
# Each party has a loss and a return. power, link and agent belong to one board; server, network
# and token to all boards of the batch.

parties=(power link agent server network token)
order="cut"

lose_power() { control_ok power "$1" off; } # lose_power BOARD
back_power() { control_ok power "$1" on; }

lose_link() { control_ok fault "$1" link-down on; }
back_link() { control_ok fault "$1" link-down off; }

lose_agent() { process_kill "agent-$1"; }
back_agent() { :; }

lose_server() { process_kill oem-server; }
back_server() { system_server; }

# Between the agents and the server, for that party only: a process a connection.
network_up() {
    local line port
    local log=$run_dir/log/relay.log
    : > "$log"
    socat -d -d TCP-LISTEN:0,bind=127.0.0.1,fork "TCP:127.0.0.1:${server_url##*:}" 2>> "$log" &
    process_pid[relay]=$!
    while IFS= read -r -t 20 line; do
        [[ $line =~ listening\ on\ .*:([0-9]+)$ ]] || continue
        port=${BASH_REMATCH[1]}
        break
    done < <(exec tail -n +1 -s 0.02 -f --pid="${process_pid[relay]}" "$log")
    [ -n "${port:-}" ] || die "socat does not listen: $(tail -n 2 "$log")"
    agents_url=wss://localhost:$port
}

network_down() {
    agents_url=''
    lose_network
    process_stop relay || true
}

# Both ends see that their connection is gone.
lose_network() {
    local child relay=${process_pid[relay]} children
    read -ra children < "/proc/$relay/task/$relay/children" || true
    for child in "${children[@]}"; do
        kill -KILL "$child" 2> /dev/null || true
    done
}
back_network() { :; }

# SoftHSM does not look for files again that went away: the server is restarted when they are back,
# as its service manager would do after a minute (tests/e2e/slow/token).
lose_token() { mv "$run_dir/hsm/tokens" "$run_dir/hsm/away"; }
back_token() {
    mv "$run_dir/hsm/away" "$run_dir/hsm/tokens"
    process_stop oem-server || true
    system_server
}

is_shared() { # is_shared PARTY: it belongs to all boards
    case $1 in
        server | network | token) ;;
        *) false ;;
    esac
}
