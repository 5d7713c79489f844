# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# finish: nothing is lost any more, and each board is taken as far as it can come: by further runs,
# by its lock proof, or by an operator. Sourced by tests/cut/cut.

# Of each board's unit: its state, and whether its lock statement is there.
declare -A unit_state=() unit_locked=()
state_names=(free started finished committed sealed failed scrapped)

unit_rows() {
    local uid state locked
    unit_state=() unit_locked=()
    while IFS='|' read -r uid state locked; do
        unit_state[$uid]=${state_names[state]} unit_locked[$uid]=$locked
    done < <(sql "SELECT lower(hex(uid)), state, EXISTS (SELECT 1 FROM fact_lock l WHERE l.uid = u.uid
        AND l.gen = u.gen) FROM units u WHERE lower(hex(uid)) IN ($(printf "'%s'," "${board_uids[@]}")'')")
}

find_unsealed() {
    local board
    unsealed_boards=()
    unit_rows
    for board in "${!board_uids[@]}"; do
        [ "${unit_state[${board_uids[board]}]:-}" = sealed ] || unsealed_boards+=("$board")
    done
}

# A run of each board that is open, 3 at most; the first without another loss of power.
complete_boards() {
    local try board reach
    for try in 1 2 3; do
        find_unsealed
        reach=()
        for board in "${unsealed_boards[@]}"; do
            [ "$try" -eq 1 ] || control_ok power "$board" cycle
            ! in_reach "$board" || reach+=("${board_probes[board]}")
        done
        [ ${#reach[@]} -gt 0 ] || break
        provision "$order" line-1 "${reach[@]}" > "$run_dir/finish-$try" || true
    done
    add_proofs
}

# What a run cannot do any more: the proof, or an operator's acceptance.
add_proofs() {
    local board uid
    find_unsealed
    for board in "${unsealed_boards[@]}"; do
        uid=${board_uids[board]}
        [ "${unit_state[$uid]:-}" = committed ] || continue
        ! is_open "$board" || continue
        if [ "${unit_locked[$uid]}" = 1 ]; then
            seal "$board" > "$run_dir/said" || true
        elif is_complete "$board" > "$run_dir/said"; then
            count "shut, complete, perhaps below its level"
            operator unit accept "$uid" --reason "test: shut and complete" > "$run_dir/said"
        fi
    done
}

seal() { # seal BOARD [OPTION...]: JSON lines
    station_agent seal --server "$server_url" --ca "$run_dir/desk/root.pem" \
        --cert "$run_dir/station/line-1.pem" --key "$run_dir/station/line-1.key" \
        --probe "${board_probes[$1]}" --uid "${board_uids[$1]}" --json "${@:2}" \
        2>> "$run_dir/log/station-agent.log"
}

count() { counted[$1]=$((${counted[$1]:-0} + 1)); }
