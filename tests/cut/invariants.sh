# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# invariants: what holds of every board and of the server's store, whatever was interrupted.
# Written by hand, apart from how boards are interrupted; checked from the boards' state files, by
# SQL and by openssl. Sourced by tests/cut/cut.
#
# No board is shut and incomplete; no unit is sealed without its commit and its lock statement; one
# certificate and one ROTPK a UID and generation; the counters are a recount; the store is what the
# log says. One case is counted by name: shut, complete, perhaps below its level, because its lock
# statement was lost.

# ---- of a board ----

# What is locked comes into force with a reset: until then a debugger can connect.
in_reach() { # in_reach BOARD
    control state "$1"
    [[ $control_line == *'"debug":"open"'* ]]
}

is_open() { # is_open BOARD
    control state "$1"
    [[ $control_line == *'"debug":"open"'* && $control_line == *'"debug_next":"open"'* ]]
}

# The ROM starts its firmware, OTP has ROTPK, AUTHKEY and a key that the server shares, and the
# certificate in flash is the one that the server issued.
is_complete() { # is_complete BOARD
    local uid=${board_uids[$1]} used revoked slot=3 key kcv stored
    control_ok power "$1" cycle
    control state "$1"
    [[ $control_line == *'"boot":"verified"'* &&
        $control_line =~ \"used\":([0-9]+),\"revoked\":([0-9]+) ]] ||
        { echo "$control_line"; return 1; }
    used=${BASH_REMATCH[1]} revoked=${BASH_REMATCH[2]}
    [ $((used & 7)) -eq 7 ] || { echo "slots 0 to 2 are not all used: $control_line"; return 1; }
    while [ $(((used & ~revoked) >> slot & 1)) -eq 0 ]; do
        slot=$((slot + 1))
        [ "$slot" -le 7 ] || { echo "no AES slot: $control_line"; return 1; }
    done
    key=$(board_otp "$1" "$slot")
    kcv=$(derive_by "$key" "hallmark.v1 slot" "$uid")
    mapfile -t stored < <(stored_of "$uid" "$kcv")
    [ -n "${stored[0]:-}" ] || { echo "slot $slot holds no key of the server's: KCV $kcv"; return 1; }
    [ "${stored[0]}" = "$(derive_by "$key" "hallmark.v1 lock tag" "${uid}03")" ] ||
        { echo "slot $slot: another lock tag"; return 1; }
    [ "$(board_certificate "$1")" = "${stored[1]:-}" ] ||
        { echo "another certificate in flash"; return 1; }
}

# The lock tag of the agreement whose key the board said it keeps; the certificate of the newest
# generation.
stored_of() { # stored_of UID KCV
    sql "SELECT coalesce((SELECT lower(hex(a.lock_tag)) FROM fact_agreement a JOIN fact_commit c
         ON a.uid = c.uid AND a.gen = c.gen AND a.kcv = c.kcv
         WHERE a.uid = x'$1' AND a.kcv = x'$2' LIMIT 1), '');
         SELECT lower(hex(certificate)) FROM fact_certificate WHERE uid = x'$1'
         ORDER BY gen DESC LIMIT 1"
}

# What may not be is told on standard output. Sets nothing: it is called in a subshell.
board_holds() { # board_holds BOARD STATE ENDING CASE
    local uid=${board_uids[$1]} open=true
    is_open "$1" || open=false
    if ! $open && ! is_complete "$1"; then
        echo "$uid: shut and incomplete, unit $2"
        return 1
    fi
    if [ "$2" = sealed ] && $open; then
        echo "$uid: sealed, and open"
        return 1
    fi
    may_end "$3" "$4" || { echo "$uid: $3 in the end"; return 1; }
}

# All boards are sealed in the end, but those whose OTP says that it holds a key and does not: a
# ROTPK that the ROM cannot boot with is found by the boot test, an AUTHKEY before its claim; and
# those that have no AES slot left.
may_end() { # may_end ENDING CASE
    [ "$1" != sealed ] || return 0
    case $2 in
        *:otp-tear-[01]-[0-7]:used:*) [ "$1" = "committed, open" ] ;;
        # Bits that are burnt stay: another key adds its own to them.
        *:otp-tear-2-[0-7]:used:* | *:otp-tear-2-[1-8]:unused:*) [ "$1" = "free, open" ] ;;
        slots) [ "$1" = "finished, open" ] ;;
        *) false ;;
    esac
}

# ---- of the store ----

empty() { # empty STATEMENT...: they find no row
    local rows
    rows=$(sql "$(printf '%s;' "$@")")
    [ -z "$rows" ] || { head -n 5 <<< "$rows"; return 1; }
}

certificates_single="SELECT hex(uid), gen, count(*) FROM fact_certificate GROUP BY uid, gen
    HAVING count(*) > 1"
rotpks_single="SELECT hex(uid), count(*) FROM fact_rotpk GROUP BY uid HAVING count(*) > 1"
auth_keys_single="SELECT hex(auth_public_key) FROM fact_claim GROUP BY auth_public_key
    HAVING count(DISTINCT uid) > 1"
sealed_locked="SELECT hex(u.uid) FROM units u WHERE u.state = 4 AND u.accepted = 0 AND NOT (
    EXISTS (SELECT 1 FROM fact_commit c WHERE c.uid = u.uid AND c.gen = u.gen) AND
    EXISTS (SELECT 1 FROM fact_lock l WHERE l.uid = u.uid AND l.gen = u.gen))" # accepted ones apart
counters_exact="SELECT o.name, o.good, o.under_way, o.issued FROM orders o WHERE NOT (
    o.good = (SELECT count(*) FROM units u WHERE u.order_name = o.name AND u.state = 4) AND
    o.under_way = (SELECT count(*) FROM units u WHERE u.order_name = o.name AND
        (u.state IN (2, 3) OR (u.state = 1 AND u.run_id IS NOT NULL))) AND
    o.issued = (SELECT count(*) FROM fact_claim c WHERE c.order_name = o.name))"

has_counted() { # has_counted ORDER: the recount above has compared something
    [ "$(sql "SELECT count(*) FROM orders WHERE name = '$1' AND good > 0 AND issued >= good")" = 1 ]
}

# A UID may have as many certificates in the log as it was claimed for generations.
certificates_logged_are_single() {
    operator log show --json > "$run_dir/entries"
    sql "SELECT lower(hex(uid)), count(DISTINCT gen) FROM fact_claim GROUP BY uid" |
        jq -R 'split("|") | {key: .[0], value: (.[1] | tonumber)}' | jq -s from_entries > "$run_dir/claims"
    jq -se --slurpfile claims "$run_dir/claims" '[.[] | select(.arrow == 14 and .status == "OK") |
        {uid, c: (.digests // {} | .certificate)}] | group_by(.uid) |
        map({uid: .[0].uid, n: (map(.c | select(. != null)) | unique | length)}) |
        length > 0 and all(.n <= $claims[0][.uid])' "$run_dir/entries"
}

# After each batch, so that its cases are named.
store_holds() {
    empty "$certificates_single" "$rotpks_single" "$auth_keys_single" "$sealed_locked" "$counters_exact"
}

# At the end.
prove_store() { # prove_store ORDER
    prove "no UID has two certificates in one generation" empty "$certificates_single"
    prove "no UID got two in one generation by the log" certificates_logged_are_single
    prove "no UID has two ROTPKs" empty "$rotpks_single"
    prove "no AUTHKEY has two UIDs" empty "$auth_keys_single"
    prove "no unit is sealed without commit and lock statement, accepted ones apart" empty "$sealed_locked"
    prove "the counters are a recount" empty "$counters_exact"
    prove "the order has counted something" has_counted "$1"
    prove "the log verifies over all of it" operator log verify --vkey "$run_dir/desk/log.vkey"
    prove "the store is what the log says" operator log verify --state --vkey "$run_dir/desk/log.vkey"
}
