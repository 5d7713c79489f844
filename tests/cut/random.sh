# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# random: losses at any moment of a run, announced or not; and each AES slot spoilt in turn. Sourced
# by tests/cut/cut.

whole_ms=0 whole_writes=0 # of one board's run that is not interrupted

learn_random() {
    local start
    batch_cases=(random)
    boards_up 1
    start=$(now_ms)
    provision "$order" line-1 "${board_probes[0]}" > "$run_dir/said" || true
    whole_ms=$(($(now_ms) - start))
    boards_down
    whole_writes=$(awk '{ sum += $1 == "flash-write" ? substr($3, 2) : 1 } END { print sum }' "$run_dir/writes")
}

# Not in a subshell: there bash draws numbers that no seed repeats.
draw_ms() { # draw_ms COUNT: into drawn_ms, a moment in the run of COUNT boards at once
    local cores
    cores=$(nproc)
    drawn_ms=$(((RANDOM * 32768 + RANDOM) % (whole_ms * ($1 > cores ? $1 / cores : 1))))
}

wait_ms() { a_moment "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))"; }

random_power() { # random_power COUNT: at a write of each board's own
    local board moments=(before after)
    for ((board = 0; board < $1; board++)); do
        control_ok cut-at "$board" any $((1 + RANDOM % whole_writes)) "${moments[RANDOM % 2]}"
        agent_start_at "$board"
    done
    for ((board = 0; board < $1; board++)); do
        agent_wait "$board"
        control_ok cut-at "$board" off
        control_ok power "$board" on
    done
}

random_agent() { # random_agent COUNT: at a moment of each board's own
    local board moment last=0 moments=()
    for ((board = 0; board < $1; board++)); do
        draw_ms "$1"
        moments+=("$drawn_ms $board")
        agent_start_at "$board"
    done
    while read -r moment board; do
        wait_ms $((moment - last))
        last=$moment
        if agent_runs "$board"; then process_kill "agent-$board"; else agent_wait "$board"; fi
    done < <(printf '%s\n' "${moments[@]}" | sort -n)
}

random_server() { # random_server COUNT: under all of them; the agents wait for it
    local board options=("${provision_options[@]}")
    provision_options+=(--reconnect 60)
    draw_ms "$1"
    for ((board = 0; board < $1; board++)); do agent_start_at "$board"; done
    wait_ms "$drawn_ms"
    process_kill oem-server
    system_server
    for ((board = 0; board < $1; board++)); do agent_wait "$board"; done
    provision_options=("${options[@]}")
}

run_random() { # run_random COUNT: of each kind
    local what i made n
    learn_random
    for what in power agent server; do
        for ((made = 0; made < $1; made += n)); do
            n=$(($1 - made < batch ? $1 - made : batch))
            batch_cases=() missed=()
            for ((i = 0; i < n; i++)); do batch_cases+=("random:$what:$made:$i"); done
            boards_up "$n"
            "random_$what" "$n"
            end_batch
        done
    done
    spoil_all_slots
}

# The board ends without one, and an operator acts.
spoil_all_slots() {
    local slot
    batch_cases=(slots) missed=()
    boards_up 1
    for slot in 3 4 5 6 7; do
        control_ok fault 0 otp-tear "$slot" 4 used
        agent_start_at 0
        agent_wait 0
        control_ok power 0 on
    done
    provision "$order" line-1 "${board_probes[0]}" > "$run_dir/said" || true
    prove "no AES slot left: the run fails in these words" said_is 'last.detail | test("no AES slot left")'
    complete_boards
    unit_rows
    check_case 0
    boards_down
}
