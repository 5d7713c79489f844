# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # run_dir and the boards: lib.sh has them
# units: boards that stop at a certain place of their way, by a power cut at the write after it.
# Sourced after lib.sh.

next_board=0

take_board() { # the next board that is not used yet: board, uid, probe
    # shellcheck disable=SC2034 # for the script that sources this
    board=$next_board uid=${board_uids[next_board]} probe=${board_probes[next_board]}
    next_board=$((next_board + 1))
}

# Its power goes before the COUNT-th write of KIND (target-fw/board/README.md), and comes back.
cut_before() { # cut_before ORDER STATION KIND COUNT
    take_board
    board_ask cut-at "$board" "$3" "$4" before | jq -e .ok > "$run_dir/is"
    provision "$1" "$2" "$probe" > "$run_dir/said" || true
    board_ask power "$board" on | jq -e .ok > "$run_dir/is"
}

# The OTP writes of a run: AUTHKEY's record, two of ROTPK, AES_NuLink3. The lock is after the commit.
finished_only() { cut_before "$1" "$2" otp 4; } # finished_only ORDER STATION
committed_only() { cut_before "$1" "$2" lock 1; } # committed_only ORDER STATION

# No run is open: what a server does after a connection is lost is done.
no_run_is_left() {
    local tries
    for ((tries = 0; tries < 100; tries++)); do
        [ -n "$(operator run list --json)" ] || return 0
    done
    return 1
}
