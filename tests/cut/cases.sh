# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# cases: which points there are, learnt from one run of each scenario, and the cases made of them.
# Sourced by tests/cut/cut.
#
# A case is SCENARIO:PROGRAM:PLACE:MOMENT:COUNT:PARTY. Scenarios:
#   first      a fresh board through the whole diagram, to its seal
#   committed  Runs.Open of a unit that is committed, and has only to be locked
#   damaged    a committed unit whose firmware in flash is damaged: the run whose boot test finds it
#   repeat     the run after that: its arrows are repeated
#   recreate   a released unit whose ROTPK is burnt and whose record is gone
#   seal       station-agent seal of a shut board whose run ended before its lock proof
#   init       oemctl init: arrows 1 and 2, without boards
#   waiting    an agent that waits (tests/cut/waiting.sh)

scenarios=(first committed damaged repeat recreate seal)
cases=()

# Places of a scenario that are its own; those of the others are those of `first`.
scenario_has() { # scenario_has SCENARIO PLACE MOMENT COUNT
    case $1 in
        first) ;;
        committed | seal) ;; # they have no arrows
        damaged) [[ $2 = Runs/Open || $2 = boot-test || $2 = Runs/Booted ]] ;;
        repeat)
            case $2 in
                Runs/Open | Runs/Finish | Runs/Commit | Closing/* | reset) ;;
                arrow-14 | arrow-18 | arrow-20 | arrow-22 | arrow-24 | arrow-33) ;;
                *) false ;;
            esac
            ;;
        recreate)
            case $2 in
                Runs/Open | Closing/* | boot-test | Runs/Commit) ;;
                arrow-14 | arrow-17 | arrow-18 | arrow-19 | arrow-20) ;;
                *) false ;;
            esac
            ;;
    esac
}

# Announcements of one board, in order, as lines PROGRAM PLACE MOMENT COUNT.
points_of() { # points_of TRACE UID
    awk -v uid="$2" '$5 == uid { key = $1 " " $3 " " $4; print key, ++seen[key] }' "$1"
}

# Prefetched images and reports have no moment of their own in a run: when they come differs.
add_points() { # add_points SCENARIO TRACE UID
    local program place moment count party
    while read -r program place moment count; do
        [[ $place != Runs/FetchImage && $place != Runs/Report ]] || continue
        scenario_has "$1" "$place" "$moment" "$count" || continue
        for party in "${parties[@]}"; do
            cases+=("$1:$program:$place:$moment:$count:$party")
        done
    done < <(points_of "$2" "$3")
}

# What must be among them: written by hand, since all else is learnt.
must_have() {
    local arrow moment step
    for arrow in {3..33}; do
        for moment in before inside after; do printf 'arrow-%d %s\n' "$arrow" "$moment"; done
    done
    for step in Runs/Open Runs/Finish Runs/Commit Runs/Locked Runs/Sealed; do
        for moment in before unsaved inside after; do printf '%s %s\n' "$step" "$moment"; done
    done
    for step in reset boot-test DevAuth; do
        for moment in before inside after; do printf '%s %s\n' "$step" "$moment"; done
    done
    for step in Closing/SignReceipt Closing/Commit Closing/Lock; do
        for moment in before after; do printf '%s %s\n' "$step" "$moment"; done
    done
    for step in 'arrow-14 claimed' 'arrow-14 unsaved' 'arrow-18 unsaved' 'arrow-22 unsaved'; do
        printf '%s\n' "$step"
    done
}

has_all_points() { # has_all_points TRACE UID
    local missing
    missing=$(comm -13 <(points_of "$1" "$2" | cut -d ' ' -f 2,3 | sort -u) <(must_have | sort -u))
    [ -z "$missing" ] || { printf 'not announced: %s\n' "$missing" && return 1; }
}

# ---- the board's own steps, by virtual-board's trace of a whole run ----

# A write of a board: power goes before, in the middle of and after it, the link before and after
# it; the others are lost while the board stands still after it.
add_write() { # add_write KIND NTH DIVISIBLE
    local party
    cases+=("first:virtual-board:$1:before:$2:power" "first:virtual-board:$1:after:$2:power")
    ! $3 || cases+=("first:virtual-board:$1:during:$2:power")
    cases+=("first:virtual-board:$1:after:$2:link")
    for party in agent server network token; do
        cases+=("first:virtual-board:$1:after:$2:$party")
    done
}

# Each erase, the middle of each page, each slot, each lock write.
add_writes() { # add_writes TRACE: lines "KIND WHERE [xCOUNT]"
    local kind where count divisible
    local -A seen=()
    while read -r kind where count; do
        if [ "$kind" = flash-write ]; then count=${count#x}; else count=1; fi
        case $kind in
            otp* | plm | dpm-* | fvc) divisible=false ;;
            *) divisible=true ;;
        esac
        add_write "$kind" $((${seen[$kind]:-0} + (count + 1) / 2)) "$divisible"
        seen[$kind]=$((${seen[$kind]:-0} + count))
    done < "$1"
}

# Slots 0 and 1 (ROTPK), 2 (AUTHKEY), 3 (AES_NuLink3): power is lost after so many words, and the
# slot counts as used or not.
add_otp_words() {
    local slot words mark
    for slot in 0 1 2 3; do
        for words in {0..8}; do
            for mark in unused used; do
                cases+=("first:virtual-board:otp-tear-$slot-$words:$mark:1:power")
            done
        done
    done
}

# ---- which of them are done ----

# At random by the seed, without doubles; or all. A batch with a silence takes as long as the
# programs wait for each other, most of a minute.
choose_cases() { # choose_cases SHARE [SCENARIO]: one in so many; of silences only that scenario's
    local case kept=()
    for case in "${cases[@]}"; do
        [ $((RANDOM % $1)) -eq 0 ] || continue
        [ -z "${2:-}" ] || ! is_silence "${case##*:}" || [ "${case%%:*}" = "$2" ] || continue
        kept+=("$case")
    done
    cases=("${kept[@]}")
}
