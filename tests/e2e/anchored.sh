# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2154 # run_dir, build and the boards: lib.sh has them
# anchored: a system whose log has an anchor in a second place, and servers that refuse to start.
# Sourced after lib.sh.

anchor=$run_dir/second/anchor
# shellcheck disable=SC2034 # for the script that sources this
refused_status=80 # of oem-server: the store is not what was published

# As system_up, with the anchor from the server's first start on.
anchored_up() { # anchored_up BOARDS [LINE OF THE log SECTION]...
    local boards=$1
    shift
    system_tokens
    system_init
    token_inventory > "$run_dir/tokens.before"
    mkdir "$run_dir/second"
    log_settings "$anchor" "$@"
    system_server
    system_release
    system_station line-1
    [ "$boards" -eq 0 ] || system_boards "$boards"
}

log_settings() { # log_settings ANCHOR [LINE]...: of the next start; "-" for no anchor
    sed -i '/^\[log\]$/,$d' "$run_dir/server/server.ini"
    {
        echo '[log]'
        [ "$1" = - ] || echo "anchor = $1"
        shift
        [ $# -eq 0 ] || printf '%s\n' "$@"
    } >> "$run_dir/server/server.ini"
}

# The server, which must end by itself: what it says is in said.
server_ends() { # server_ends STATUS WORDS [CONFIGURATION]
    local code=0
    timeout 60 env "${hsm_environment[@]}" "$build/oem-server/oem-server" \
        --config "${3:-$run_dir/server/server.ini}" > "$run_dir/said" 2>&1 || code=$?
    [ "$code" -eq "$1" ] && grep -qE "$2" "$run_dir/said" && return 0
    echo "exit status $code"
    tail -n 3 "$run_dir/said"
    return 1
}

anchor_size() { sed -n 2p "$anchor"; } # entries that it covers

log_verifies() { operator log verify --state --vkey "$run_dir/desk/log.vkey"; }

sealed() { # sealed ORDER NUMBER
    provision "$1" line-1 "${board_probes[$2]}" > "$run_dir/said" || true
    jq -se 'last.result == "sealed"' "$run_dir/said"
}

health_is() { # health_is CONDITION
    operator health --json > "$run_dir/health"
    jq -e "$1" "$run_dir/health" || { cat "$run_dir/health"; return 1; }
}

# What the server does by itself once a second is waited for, by asking.
health_becomes() { # health_becomes CONDITION
    local tries
    for ((tries = 0; tries < 600; tries++)); do
        ! health_is "$1" > "$run_dir/is" || return 0
    done
    cat "$run_dir/health"
    return 1
}

# As prove, in this shell: for what starts or stops a program.
step() { # step NAME COMMAND...
    local name=$1 code=0
    shift
    "$@" > "$run_dir/step" 2>&1 || code=$?
    prove "$name" step_was "$code"
}

step_was() { # step_was STATUS
    [ "$1" -eq 0 ] || { cat "$run_dir/step" && return 1; }
}
