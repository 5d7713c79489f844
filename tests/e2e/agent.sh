# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# agent: a station-agent that is watched line by line, held, and killed at a place of its run.
#
# Its lines, as they were read, are in $run_dir/said. Sourced by lib.sh.
# shellcheck source=deploy/lib/system.sh
. "${BASH_SOURCE[0]%/*}/../../deploy/lib/system.sh"

agent_out='' agent_code=0

agent_start() { # agent_start ORDER STATION PROBE...
    rm -f "$run_dir/agent.fifo"
    mkfifo "$run_dir/agent.fifo"
    (
        # shellcheck disable=SC2317 # provision calls it
        station_agent() { exec "$build/station-agent/station-agent" "$@"; }
        provision "$@" > "$run_dir/agent.fifo"
    ) &
    process_pid[agent]=$!
    exec {agent_out}< "$run_dir/agent.fifo"
    : > "$run_dir/said"
}

agent_until() { # agent_until TEXT: a line has it
    local line
    while IFS= read -r -t 120 -u "$agent_out" line; do
        printf '%s\n' "$line" >> "$run_dir/said"
        [[ $line != *"$1"* ]] || return 0
    done
    die "the agent did not say $1: $(tail -n 2 "$run_dir/said")"
}

# The agent stands still from when it said so, until COMMAND is done.
agent_still() { # agent_still TEXT COMMAND...
    agent_until "$1"
    kill -STOP "${process_pid[agent]}"
    "${@:2}"
    kill -CONT "${process_pid[agent]}"
}

agent_end() { # its exit code is agent_code
    agent_code=0
    cat <&"$agent_out" >> "$run_dir/said"
    exec {agent_out}<&-
    # shellcheck disable=SC2034 # for the script that sources this
    wait "${process_pid[agent]}" || agent_code=$?
    unset 'process_pid[agent]'
}

agent_kill() { # as a power cut of the station would
    process_kill agent
    exec {agent_out}<&-
}

# Wait for an entry of METHOD that says OK, from entry START on.
log_until() { # log_until START METHOD
    local line followed
    exec {followed}< <(exec "$build/oem-server/ctl/oemctl" log show --follow --json \
        --start "$1" --config "$run_dir/desk/oemctl.ini" 2>> "$run_dir/log/oemctl.log")
    while IFS= read -r -t 120 -u "$followed" line; do
        [[ $line != *"$2"* ]] || break
    done
    exec {followed}<&-
}

# The agent is killed when the log has an entry of METHOD; it may have gone on for an instant.
agent_kill_at() { # agent_kill_at METHOD ORDER STATION PROBE...
    local start
    start=$(log_size)
    agent_start "${@:2}"
    log_until "$start" "$1"
    agent_kill
}

said_is() { # said_is CONDITION: of all lines, slurped
    jq -se "$1" "$run_dir/said" > "$run_dir/is" || { tail -n 3 "$run_dir/said"; return 1; }
}
