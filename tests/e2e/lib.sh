# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# e2e: a whole system of a test's own, and named checks on it.
#
# A test sources this, calls system_up, and says "ok NAME" or "not ok NAME: why" by prove and
# its kin (deploy/lib/prove.sh). Everything is stopped and removed when it ends. A sanitizer's
# report, or a secret, in a program's log is a failed check too.
set -euo pipefail
# shellcheck source=deploy/lib/prove.sh
. "${BASH_SOURCE[0]%/*}/../../deploy/lib/prove.sh"
# shellcheck source=deploy/lib/evidence.sh
. "$top/deploy/lib/evidence.sh"
# shellcheck source=tests/e2e/station.sh
. "$top/tests/e2e/station.sh"
# shellcheck source=tests/e2e/agent.sh
. "$top/tests/e2e/agent.sh"
# shellcheck source=tests/e2e/board.sh
. "$top/tests/e2e/board.sh"

build=${HALLMARK_BUILD:-$top/build}
run_dir=$(mktemp -d)
# SoftHSM, without its own leaks in a sanitizer's report (tests/unit/softhsm_quiet.c).
# shellcheck disable=SC2034 # deploy/lib/system.sh uses it
softhsm_module=$build/oem-server/hsm/libsofthsm_quiet.so

e2e_end() {
    local code=$?
    trap - EXIT
    raw_close_all
    control_close
    process_stop_all
    prove "no sanitizer report in any log" no_reports
    prove "no PIN or private key in any log" no_secrets
    if [ "$code" -ne 0 ] || [ "$unproved" -gt 0 ]; then
        tail -n 40 "$run_dir"/log/*.log || true
        [ "$code" -ne 0 ] || code=1
    fi
    rm -rf "$run_dir"
    exit "$code"
}
trap e2e_end EXIT
trap 'exit 130' INT TERM

no_reports() {
    ! grep -lE 'AddressSanitizer|LeakSanitizer|runtime error:' "$run_dir"/log/*
}

no_secrets() {
    local pin
    ! grep -l 'PRIVATE KEY' "$run_dir"/log/* || return 1
    for pin in "$run_dir"/hsm/pins/*; do
        ! grep -lF "$(head -n 1 "$pin")" "$run_dir"/log/* || return 1
    done
}

# Tokens, server, images, station line-1, boards.
system_up() { # system_up BOARDS: 0 for none
    system_tokens
    system_init
    token_inventory > "$run_dir/tokens.before"
    system_server
    system_release
    system_station line-1
    [ "$1" -eq 0 ] || system_boards "$1"
}

sql() { # sql STATEMENT: of the server's store, read only
    sqlite3 -readonly -cmd '.timeout 5000' "$run_dir/server/state/hallmark.db" "$1"
}

# The state that a refusal must leave alone: everything but the log, the answers given, and how
# long a run's lease is, the last column of units.
state_dump() {
    local table
    for table in $(sql "SELECT name FROM sqlite_schema WHERE type = 'table' AND
            name NOT LIKE 'log%' AND name NOT LIKE 'sqlite%' AND
            name NOT IN ('answers', 'checkpoints') ORDER BY name"); do
        say "$table"
        sqlite3 -readonly -quote -cmd '.timeout 5000' "$run_dir/server/state/hallmark.db" \
            "SELECT * FROM $table" | if [ "$table" = units ]; then sed 's/,[0-9]*$//'; else cat; fi
    done
}

# CONDITION on what "order show" says of it, counters included.
order_is() { # order_is ORDER CONDITION
    operator order show "$1" --json > "$run_dir/order"
    jq -e "$2" "$run_dir/order" > "$run_dir/is" || {
        cat "$run_dir/order"
        return 1
    }
}

unit_is() { # unit_is UID CONDITION: on what "unit show" says; null for a free UID
    operator unit show "$1" --json > "$run_dir/unit" || true
    [ -s "$run_dir/unit" ] || echo null > "$run_dir/unit"
    jq -e "$2" "$run_dir/unit" > "$run_dir/is" || { cat "$run_dir/unit"; return 1; }
}

log_size() { operator log show --json | wc -l; }

# Is there a refusal in the log, from entry START on, with that status and such words? What the
# server writes after its answer is waited for.
log_tells() { # log_tells START STATUS WORDS
    operator log show --json --start "$1" > "$run_dir/entries"
    entry_tells "$2" "$3" && return 0
    timeout 3 "$build/oem-server/ctl/oemctl" log show --json --follow --start "$1" \
        --config "$run_dir/desk/oemctl.ini" > "$run_dir/entries" || true
    entry_tells "$2" "$3" && return 0
    echo "the log from entry $1 tells of no $2 like \"$3\":"
    jq -r '[.kind, .status, .message] | join(" ")' "$run_dir/entries" | tail -n 3
    return 1
}

entry_tells() { # entry_tells STATUS WORDS
    jq -se --arg status "$1" --arg words "$2" \
        'any(.[]; .status == $status and ((.message // "") | test($words; "i")))' "$run_dir/entries"
}

# Do what COMMAND does; its output must match WORDS, the log must tell of it with STATUS, and the
# state must be what it was.
refused() { # refused NAME STATUS WORDS COMMAND...
    local name=$1 status=$2 words=$3 before start
    shift 3
    before=$(state_dump)
    start=$(log_size)
    "$@" > "$run_dir/said" 2>&1 || true
    prove "$name: refused in words" grep -qiE "$words" "$run_dir/said"
    prove "$name: told in the log" log_tells "$start" "$status" "$words"
    prove "$name: nothing changed" diff <(printf '%s\n' "$before") <(state_dump)
}

# A handshake by openssl: what it says, alerts included. "-quiet" waits for the server's end.
tls_try() { # tls_try S_CLIENT_OPTION...
    timeout 20 openssl s_client -quiet -connect "${server_url#wss://}" -servername localhost \
        -CAfile "$run_dir/desk/root.pem" "$@" < /dev/null 2>&1 || true
}

# A certificate for CSR that the server's own ICA signed, as oem-server never would.
issue_by_ica() { # issue_by_ica CSR OUT START END USAGE URI
    local ca=$run_dir/ica pin
    pin=$(head -n 1 "$run_dir/hsm/pins/issuing.pin")
    mkdir -p "$ca"
    : > "$ca/index"
    openssl rand -hex 8 > "$ca/serial"
    cat > "$ca/ca.cnf" << END
[ca]
default_ca = ica
[ica]
database = $ca/index
serial = $ca/serial
new_certs_dir = $ca
default_md = sha256
policy = any
unique_subject = no
x509_extensions = leaf
[any]
commonName = optional
[leaf]
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = $5
subjectAltName = URI:$6
authorityKeyIdentifier = keyid
END
    # Its exit code says nothing: engine and module quarrel when the process ends.
    PKCS11_MODULE_PATH=$softhsm_module openssl ca -batch -config "$ca/ca.cnf" -notext \
        -engine pkcs11 -keyform engine -keyfile \
        "pkcs11:token=hallmark-issuing;object=issuing;type=private;pin-value=$pin" \
        -cert "$run_dir/desk/issuing.pem" -in "$1" -out "$2" -startdate "$3" -enddate "$4" \
        >> "$run_dir/ica.log" 2>&1 || true
    cat "$run_dir/desk/issuing.pem" >> "$2"
}
