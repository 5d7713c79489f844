# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # run_dir: lib.sh has it
# people: operators besides alice, what one asks and another approves, and a clock that is ahead.
# Sourced by the tests that need two, after lib.sh.

pending_status=79
# shellcheck disable=SC2034 # for the script that sources this
number=0 # of the latest request

two_person() { # two_person yes|no: by the server's administrator, and a restart
    sed -i '/^\[policy\]$/d; /^two_person = /d' "$run_dir/server/server.ini"
    printf '[policy]\ntwo_person = %s\n' "$1" >> "$run_dir/server/server.ini"
    restart stop
}

restart() { # restart HOW: kill or stop
    "process_$1" oem-server
    system_server
}

# Any person with a certificate of its own, by its name.
as() { # as PERSON COMMAND...
    local who=$1
    shift
    if [ "$who" = alice ]; then
        operator "$@"
        return
    fi
    sed "s|^cert = .*|cert = $run_dir/desk/$who.pem|; s|^key = .*|key = $run_dir/desk/$who.key|" \
        "$run_dir/desk/oemctl.ini" > "$run_dir/desk/$who.ini"
    oemctl "$@" --config "$run_dir/desk/$who.ini" 2>> "$run_dir/log/oemctl.log"
}

# A person is registered by alice, while one is enough.
new_person() { # new_person operator|auditor NAME
    operator "$1" add "$2" --new-key "$run_dir/desk/$2.key" --out "$run_dir/desk/$2.pem" \
        > "$run_dir/log/$1-$2.txt"
}

# The command becomes a request: its number in number.
asks() { # asks NAME OPERATOR COMMAND...
    local name=$1 code=0
    shift
    as "$@" --json > "$run_dir/said" || code=$?
    prove "$name: waits, with an exit status of its own" [ "$code" -eq "$pending_status" ]
    prove "$name: says so in JSON" jq -e '.outcome == "pending" and .approval > 0' "$run_dir/said"
    # shellcheck disable=SC2034 # for the script that sources this
    number=$(jq -r '.approval' "$run_dir/said")
}

says() { # says PATTERN COMMAND...: it fails, and says that
    local pattern=$1 log=$run_dir/log/oemctl.log code=0 start
    shift
    start=$(stat -c %s "$log")
    "$@" > "$run_dir/said" 2>&1 || code=$?
    tail -c +$((start + 1)) "$log" >> "$run_dir/said"
    [ "$code" -ne 0 ] && grep -qE "$pattern" "$run_dir/said" && return 0
    tail -n 2 "$run_dir/said"
    return 1
}

# The server and oemctl from now on: the time of day is SECONDS ahead.
clock_ahead() { # clock_ahead SECONDS
    process_stop oem-server
    hsm_environment+=("LD_PRELOAD=$build/tests/e2e/clock/clock-ahead.so" "CLOCK_AHEAD_S=$1"
        "ASAN_OPTIONS=${ASAN_OPTIONS:-}:verify_asan_link_order=0")
    system_server
}
