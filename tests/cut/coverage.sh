# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# coverage: for each arrow and each step around them, and each party, at which moments it is lost;
# and what of this must be there, written by hand. Sourced by tests/cut/cut.

# Lines "SCENARIO PLACE PARTY MOMENT", each once. "unclaimed", "claimed" and "unsaved" are inside.
moments_of_cases() {
    printf '%s\n' "${cases[@]}" | awk -F : '{
        moment = $4
        if (moment ~ /^(unclaimed|claimed|unsaved|during)$/) moment = "inside"
        print $1, $3, $6, moment
    }' | sort -u
}

# A row a place, a column a party: b, i and a for before, inside and after.
coverage_table() {
    moments_of_cases | awk -v parties="${parties[*]}" '
        { place = $1 ":" $2; if (!(place in seen)) { seen[place] = 1; order[++rows] = place }
          moment = $4 ~ /used$/ ? "inside" : $4 # an OTP slot is torn in the middle
          letters[place, $3, moment] = substr(moment, 1, 1) }
        END {
            count = split(parties, party, " ")
            printf "%-40s", "place"
            for (i = 1; i <= count; i++) printf " %-11s", party[i]
            print ""
            for (r = 1; r <= rows; r++) {
                printf "%-40s", order[r]
                for (i = 1; i <= count; i++) {
                    cell = letters[order[r], party[i], "before"] letters[order[r], party[i], "inside"] \
                        letters[order[r], party[i], "after"]
                    printf " %-11s", (cell == "" ? "-" : cell)
                }
                print ""
            }
        }'
}

# ---- what must be there ----

# Exceptions, by hand. Arrows 1 and 2 are made by oemctl init on the server's own machine, before
# there is any station, board, probe or network: what it can lose is itself and its tokens.
# station-agent calls the board's three closing steps: before and after are its announcements, inside
# the board is interrupted at its own writes (board_must_lose), and SignReceipt writes nothing.
must_lose() {
    local arrow step
    for arrow in 1 2; do must_lose_at init "arrow-$arrow" 'before inside after' server token; done
    for arrow in {3..33}; do must_lose_at first "arrow-$arrow" 'before inside after' "${everywhere[@]}"; done
    for step in Runs/Open Runs/Finish Runs/Commit Runs/Locked Runs/Sealed reset boot-test DevAuth; do
        must_lose_at first "$step" 'before inside after' "${everywhere[@]}"
    done
    for step in Closing/SignReceipt Closing/Commit Closing/Lock; do
        must_lose_at first "$step" 'before after' "${everywhere[@]}"
    done
    ! ca_is_outside || must_lose_at first arrow-14 inside ca
    must_lose_around
    for step in idle reconnect hsm; do must_lose_at waiting "$step" inside "${everywhere[@]}"; done
    board_must_lose
}

# Open of a committed unit, a boot test that fails, the repeat run after it, a record that is made
# again, and a seal.
must_lose_around() {
    local step arrow
    for step in Runs/Open Runs/Locked Runs/Sealed reset boot-test DevAuth; do
        must_lose_at committed "$step" 'before inside after' "${everywhere[@]}"
    done
    must_lose_at committed Closing/Lock 'before after' "${everywhere[@]}"
    for step in reset Runs/Sealed; do must_lose_at seal "$step" 'before inside after' "${everywhere[@]}"; done
    must_lose_at damaged boot-test 'before inside' "${everywhere[@]}" # it fails, so it has no after
    must_lose_at damaged Runs/Booted 'before inside after' "${everywhere[@]}"
    for step in Runs/Open Runs/Finish Runs/Commit arrow-14 arrow-18 arrow-20 arrow-22 arrow-24 arrow-33; do
        must_lose_at repeat "$step" 'before inside after' "${everywhere[@]}"
    done
    for step in Runs/Open arrow-14 arrow-17 arrow-18 arrow-19 arrow-20 boot-test; do
        must_lose_at recreate "$step" 'before inside after' "${everywhere[@]}"
    done
}

# A board's own writes: power between the words of each OTP slot, before, in and after flash pages,
# erases and CONFIG (blank on a fresh board, so not erased), and around each register of the lock,
# which is written whole. The others are lost while the board stands still after its write; no
# message passes then, so that a silent network is that of the arrow.
board_must_lose() {
    local slot words write
    for slot in 0 1 2 3; do
        for words in {0..8}; do
            must_lose_at first "otp-tear-$slot-$words" 'unused used' power
        done
    done
    for write in flash-write flash-erase config-write; do
        must_lose_at first "$write" 'before inside after' power
    done
    for write in plm dpm-secure dpm-nonsecure; do must_lose_at first "$write" 'before after' power; done
    for write in flash-write flash-erase config-write plm dpm-secure dpm-nonsecure otp; do
        must_lose_at first "$write" after link agent server network token
    done
}

must_lose_at() { # must_lose_at SCENARIO PLACE "MOMENT..." PARTY...
    local moment party
    for moment in $3; do
        for party in "${@:4}"; do printf '%s %s %s %s\n' "$1" "$2" "$party" "$moment"; done
    done
}

all_is_lost() {
    local missing
    missing=$(comm -13 <(moments_of_cases) <(must_lose | sort -u))
    [ -z "$missing" ] || { printf '%s\n' "not among the cases:" "$(head -n 20 <<< "$missing")" && return 1; }
}
