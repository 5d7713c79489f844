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

build=${HALLMARK_BUILD:-$top/build}
run_dir=$(mktemp -d)
raw_in='' raw_out='' raw_pid=''
# Slow stacks, that reach through SoftHSM: its leaks are told from ours (tests/lsan.supp).
# shellcheck disable=SC2034 # deploy/lib/system.sh uses it
hsm_environment=("ASAN_OPTIONS=${ASAN_OPTIONS:-}:fast_unwind_on_malloc=0:malloc_context_size=12")

e2e_end() {
    local code=$?
    trap - EXIT
    raw_close
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

# The state that a refusal must leave alone: everything but the log and the answers given.
state_dump() {
    local table
    for table in settings principals images orders order_stations units boot_keys; do
        sqlite3 -readonly "$run_dir/server/state/hallmark.db" \
            "SELECT * FROM $table ORDER BY 1, 2" -cmd '.mode quote' -cmd ".print $table"
    done
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

# A connection of raw (tests/e2e/raw) as that station; "-" for no certificate.
raw_open() { # raw_open CERTIFICATE KEY: raw_line is what it says first
    local credentials=(--cert "$1" --key "$2")
    [ "$1" != - ] || credentials=()
    coproc RAW { "$build/tests/e2e/raw/raw" --server "${server_url#wss://}" \
        --ca "$run_dir/desk/root.pem" "${credentials[@]}" 2>> "$run_dir/log/raw.log"; }
    raw_pid=${RAW_PID:-}
    exec {raw_in}>&"${RAW[1]}" {raw_out}<&"${RAW[0]}"
    # Only the copies stay open, so that closing them is the program's end of input.
    eval "exec ${RAW[0]}<&- ${RAW[1]}>&-"
    raw_read
}

raw_read() {
    IFS= read -r -t 30 -u "$raw_out" raw_line || die "raw said nothing"
}

raw() { # raw COMMAND...: its answer is raw_line
    printf '%s\n' "$*" >&"$raw_in"
    raw_read
    printf '%s\n' "$raw_line"
}

raw_close() {
    [ -n "$raw_in" ] || return 0
    exec {raw_in}>&- {raw_out}<&-
    wait "$raw_pid" 2> /dev/null || true
    raw_in=''
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

# A message of the protocol, from protobuf's text form, in hex.
message() { # message TYPE TEXT
    protoc --proto_path="$top/proto" --encode="hallmark.v1.$1" hallmark/v1/runs.proto \
        hallmark/v1/operator.proto hallmark/v1/log.proto <<< "$2" | xxd -p | tr -d '\n'
}

message_text() { # message_text TYPE HEX
    xxd -r -p <<< "$2" | protoc --proto_path="$top/proto" --decode="hallmark.v1.$1" \
        hallmark/v1/runs.proto hallmark/v1/operator.proto hallmark/v1/log.proto
}

# Bytes for protobuf's text form: "\x01\x02".
text_bytes() {
    local hex=$1
    while [ -n "$hex" ]; do
        printf '\\x%s' "${hex:0:2}"
        hex=${hex:2}
    done
}

raw_status() { jq -r '.status' <<< "$raw_line"; }

open_request() { # open_request ORDER UID
    message OpenRequest "order: \"$1\" uid: \"$(text_bytes "$2")\" pdid: 0x235400 probe: \"raw\""
}

fresh() { printf 'idempotency=%s' "$(openssl rand -hex 16)"; }

# A run as far as arrow 3, by raw: run is its id.
open_run() { # open_run ORDER UID
    raw call hallmark.v1.Runs/Open "$(open_request "$1" "$2")" "$(fresh)" > "$run_dir/said"
    [ "$(raw_status)" = 0 ] || die "Runs.Open: $raw_line"
    # shellcheck disable=SC2034 # for whoever sources this
    run=$(jq -r ".payload[4:36]" <<< "$raw_line") # field 1, 16 bytes
    raw expect > "$run_dir/said"
    grep -q Station/PutWebServerCertificate "$run_dir/said" || die "arrow 3: $raw_line"
}
