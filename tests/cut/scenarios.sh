# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# scenarios: what a batch's boards have been through before their case begins; what a run of each
# scenario announces; and losses at any moment. Sourced by tests/cut/cut.

rotpk_record=0xfa000 firmware_page=0x0 # common/core/layout.h

# Nothing is lost yet: on a busy machine the agents may need more than one attempt to connect.
prepare() { # prepare SCENARIO
    local options=("${provision_options[@]}")
    provision_options+=(--reconnect 120)
    "prepare_$1"
    provision_options=("${options[@]}")
}

prepare_first() { :; }

# The agents of all boards are killed at this point.
stop_all_at() { # stop_all_at PROGRAM PLACE MOMENT
    local board points=()
    for board in "${!batch_cases[@]}"; do points+=("first:$1:$2:$3:1:agent"); done
    attempt "${points[@]}"
    [ ${#missed[@]} -eq 0 ] || die "no board came to $2 $3: $(cat "$run_dir"/agent-0)"
}

prepare_committed() { stop_all_at station-agent Runs/Commit after; }

prepare_damaged() {
    local board
    prepare_committed
    for board in "${!batch_cases[@]}"; do control_ok flash "$board" "$firmware_page" 00000000; done
}

# The boot test finds the damage, and the server is told.
prepare_repeat() {
    local board
    prepare_damaged
    for board in "${!batch_cases[@]}"; do agent_start_at "$board"; done
    for board in "${!batch_cases[@]}"; do
        agent_wait "$board"
        grep -q 'firmware did not start' "$run_dir/agent-$board" ||
            die "a damaged firmware was not found: $(tail -n 1 "$run_dir/agent-$board")"
    done
}

prepare_recreate() {
    local board
    stop_all_at station-agent arrow-20 after
    for board in "${!batch_cases[@]}"; do
        operator unit release "${board_uids[board]}" --reason "test: the record is gone" > "$run_dir/said" ||
            die "unit release: $(tail -n 3 "$run_dir/log/oemctl.log")"
        control_ok flash "$board" "$rotpk_record" "$(printf 'f%.0s' {1..4096})"
    done
}

# Its debug port is shut, and the server has no proof yet.
prepare_seal() { stop_all_at station-agent reset after; }

# One board of each scenario is not interrupted: its announcements are the points.
learn() {
    local name trace
    for name in "${scenarios[@]}"; do
        trace=$run_dir/trace-$name
        batch_cases=("$name") missed=()
        boards_up 1
        prepare "$name"
        : > "$trace"
        gate trace "$trace"
        if [ "$name" = seal ]; then
            seal 0 "${provision_options[@]}" > "$run_dir/said" || true
        else
            provision "$order" line-1 "${board_probes[0]}" > "$run_dir/said" || true
        fi
        gate trace off
        [ "$name" != damaged ] || provision "$order" line-1 "${board_probes[0]}" > "$run_dir/said" || true
        prove "$name: a board that is not interrupted is sealed" said_is 'last.result == "sealed"'
        add_points "$name" "$trace" "${board_uids[0]}"
        [ "$name" != first ] || learn_first "$trace"
        boards_down
    done
}

learn_first() { # learn_first TRACE
    local from=0
    prove "each arrow and step is announced" has_all_points "$1" "${board_uids[0]}"
    : > "$run_dir/writes"
    while :; do
        control_ok one-way 0 "$from"
        jq -r '.writes[]' <<< "$control_line" >> "$run_dir/writes"
        [ "$(jq '.next < .count' <<< "$control_line")" = true ] || break
        from=$(jq .next <<< "$control_line")
    done
    add_writes "$run_dir/writes"
    add_otp_words
}
