# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# arrows: one line per arrow of the diagram. The table is common/flow/table.c, read, not copied.
# shellcheck source=deploy/lib/say.sh
. "${BASH_SOURCE[0]%/*}/say.sh"

declare -A arrow_tail=() arrow_head=() arrow_method=() arrow_what=()
arrows_count=0

arrows_read() {
    local row='^ *\{ *([0-9]+), FLOW_(.), FLOW_(.), *"([^"]*)", *"([^"]*)", *"([^"]*)" *\},?$' line n
    while IFS= read -r line; do
        [[ $line =~ $row ]] || continue
        n=${BASH_REMATCH[1]}
        arrow_tail[$n]=${BASH_REMATCH[2],,}
        arrow_head[$n]=${BASH_REMATCH[3],,}
        arrow_method[$n]=${BASH_REMATCH[4]}.${BASH_REMATCH[5]}
        arrow_what[$n]=${BASH_REMATCH[6]}
        arrows_count=$((arrows_count + 1))
    done < "$top/common/flow/table.c"
    [ "$arrows_count" -eq 33 ] || die "common/flow/table.c has $arrows_count rows that are read here"
}

arrow_print() { # arrow_print NUMBER MS STATUS DETAIL
    local text=${arrow_what[$1]} detail=${4# }
    [ "$3" = 0 ] || text=FAILED
    text+=${detail:+: $detail}
    printf '%2d  %s → %s  %-35s  %-78s %7s ms\n' "$1" "${arrow_tail[$1]}" "${arrow_head[$1]}" \
        "${arrow_method[$1]}" "${text:0:78}" "$2"
}
