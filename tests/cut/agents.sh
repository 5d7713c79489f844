# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# agents: an agent for each board of a batch, by the board's number. Sourced by tests/cut/cut.

declare -A agents_url=() # by board: of what is between its agent and the server, if anything is

agent_probes=() # of an agent that has several; else it has its board's

agent_start_at() { # agent_start_at BOARD
    (
        # shellcheck disable=SC2317 # provision calls it
        station_agent() { exec "$build/station-agent/station-agent" "$@"; }
        [ ${#agent_probes[@]} -gt 0 ] || agent_probes=("${board_probes[$1]}")
        server_url=${agents_url[$1]:-$server_url} provision "$order" line-1 "${agent_probes[@]}" > "$run_dir/agent-$1"
    ) &
    process_pid[agent-$1]=$!
}

# The seal of a board that is shut, by its UID.
seal_start_at() { # seal_start_at BOARD
    (
        # shellcheck disable=SC2317 # seal calls it
        station_agent() { exec "$build/station-agent/station-agent" "$@"; }
        server_url=${agents_url[$1]:-$server_url} seal "$1" "${provision_options[@]}"
    ) > "$run_dir/agent-$1" &
    process_pid[agent-$1]=$!
}

agent_runs() { kill -0 "${process_pid[agent-$1]:-x}" 2> /dev/null; } # agent_runs BOARD

agent_wait() { # agent_wait BOARD
    [ -n "${process_pid[agent-$1]:-}" ] || return 0
    wait "${process_pid[agent-$1]}" || true
    unset "process_pid[agent-$1]"
}

a_moment() { read -r -t "$1" <> <(:) || true; } # between two looks
