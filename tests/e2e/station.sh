# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# station: a station that says to the server whatever a test wants, through tests/e2e/raw.
#
# Several connections may be open, each by its name; raw_use says which one is meant.
# Sourced by lib.sh.
# shellcheck source=deploy/lib/system.sh
. "${BASH_SOURCE[0]%/*}/../../deploy/lib/system.sh"

declare -A raw_ins=() raw_outs=() raw_pids=()
raw_name=main
raw_line='' # the last that a connection said

raw_use() { raw_name=$1; } # raw_use NAME

# A connection as that station; "-" for no certificate.
raw_open() { # raw_open CERTIFICATE KEY: raw_line is what it says first
    local credentials=(--cert "$1" --key "$2") fifo=$run_dir/raw-$raw_name in out
    [ "$1" != - ] || credentials=()
    rm -f "$fifo.in" "$fifo.out"
    mkfifo "$fifo.in" "$fifo.out"
    "$build/tests/e2e/raw/raw" --server "${server_url#wss://}" --ca "$run_dir/desk/root.pem" \
        "${credentials[@]}" < "$fifo.in" > "$fifo.out" 2>> "$run_dir/log/raw.log" &
    raw_pids[$raw_name]=$!
    exec {in}> "$fifo.in" {out}< "$fifo.out"
    raw_ins[$raw_name]=$in raw_outs[$raw_name]=$out
    raw_read
}

# As the station that system_station made.
raw_station() { # raw_station NAME [CONNECTION]
    [ $# -eq 1 ] || raw_use "$2"
    raw_open "$run_dir/station/$1.pem" "$run_dir/station/$1.key"
}

raw_read() {
    IFS= read -r -t 90 -u "${raw_outs[$raw_name]}" raw_line || die "raw said nothing"
}

raw_say() { printf '%s\n' "$*" >&"${raw_ins[$raw_name]}"; } # its answer: by raw_read

raw() { # raw COMMAND...: its answer is raw_line
    raw_say "$@"
    raw_read
    printf '%s\n' "$raw_line"
}

raw_close() {
    local in=${raw_ins[$raw_name]:-} out=${raw_outs[$raw_name]:-}
    [ -n "$in" ] || return 0
    exec {in}>&- {out}<&-
    # Programs started since may hold copies of the descriptors: its input need not end by itself.
    kill "${raw_pids[$raw_name]}" 2> /dev/null || true
    wait "${raw_pids[$raw_name]}" 2> /dev/null || true
    unset "raw_ins[$raw_name]" "raw_outs[$raw_name]" "raw_pids[$raw_name]"
}

raw_close_all() {
    for raw_name in "${!raw_pids[@]}"; do raw_close; done
    raw_name=main
}

raw_status() { jq -r '.status' <<< "$raw_line"; }

fresh() { printf 'idempotency=%s' "$(openssl rand -hex 16)"; }

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
    # shellcheck disable=SC2001 # the pattern is needed in what replaces it
    sed 's/../\\x&/g' <<< "$1" | tr -d '\n'
}

open_request() { # open_request ORDER UID
    message OpenRequest "order: \"$1\" uid: \"$(text_bytes "$2")\" pdid: 0x235400 probe: \"raw\""
}

# A run as far as arrow 3: run is its id, run_uid its unit, run_nonce the server's nonce.
open_run() { # open_run ORDER UID
    raw call hallmark.v1.Runs/Open "$(open_request "$1" "$2")" "$(fresh)" > "$run_dir/said"
    [ "$(raw_status)" = 0 ] || die "Runs.Open: $raw_line"
    # shellcheck disable=SC2034 # for the script that sources this
    run=$(jq -r ".payload[4:36]" <<< "$raw_line") run_uid=$2 # field 1, 16 bytes
    run_nonce=$(jq -r ".payload[40:104]" <<< "$raw_line")    # field 2, 32 bytes
    raw expect > "$run_dir/said"
    grep -q Station/PutWebServerCertificate "$run_dir/said" || die "arrow 3: $raw_line"
}

# What Host.Hello says of a board that has nothing but AUTHKEY.
hello_state='auth_key: true auth_key_recorded: true'

# shellcheck disable=SC2120 # its arguments come from refusals/units
# Reports of arrows 4 to LAST of run_uid, as a station makes them: what the server cannot see.
reports() { # reports [TYPE [LAST]]
    local arrow hello text='' digest
    digest=$(printf 'bb%.0s' {1..32})
    hello=$(message HelloRequest "version: \"raw\" uid: \"$(text_bytes "$run_uid")\" pdid: 0x235400
        nonce: \"$(text_bytes "$digest")\" state { $hello_state }")
    for ((arrow = 4; arrow <= ${2:-13}; arrow++)); do
        [ "$arrow" -ne 7 ] || {
            text+="reports { arrow: 7 request: \"$(text_bytes "$hello")\" request_sha256: \"$(
                text_bytes "$(xxd -r -p <<< "$hello" | sha256sum | cut -c 1-64)")\" response_sha256: \"$(
                text_bytes "$digest")\" } "
            continue
        }
        text+="reports { arrow: $arrow request_sha256: \"$(text_bytes "$(report_digest "$arrow" "$digest")")\"
            response_sha256: \"$(text_bytes "$digest")\" } "
    done
    message "${1:-ArrowReports}" "$text"
}

# Of the encoded request: arrow 5's names the order's DevAuth.
report_digest() { # report_digest ARROW ANY
    [ "$1" -eq 5 ] || { printf '%s' "$2" && return; }
    xxd -r -p <<< "0a20$devauth_sha256" | sha256sum | cut -c 1-64
}

station_key() { # station_key FILE: a P-256 key, made if it is missing
    [ -e "$1" ] || openssl ecparam -name prime256v1 -genkey -noout -out "$1"
}

unit_subject() { # unit_subject ORDER UID
    printf '/O=Example Instruments/OU=%s/CN=NuLink3/serialNumber=%s' "$1" "$2"
}

# A request for a certificate of the run, signed with that key, in hex.
csr_hex() { # csr_hex KEY SUBJECT
    station_key "$1"
    openssl req -new -key "$1" -outform DER -config <(
        printf '[req]\nprompt = no\nstring_mask = utf8only\ndistinguished_name = dn\n'
        printf 'attributes = run\n[run]\nchallengePassword = %s\n[dn]%s\n' "$run_nonce" \
            "${2//\//$'\n'}"
    ) | xxd -p | tr -d '\n'
}

# The words of arrow 14's call in the run that open_run opened.
certificate_call() { # certificate_call KEY SUBJECT
    printf '%s ' call hallmark.v1.Ca/RequestCertificate \
        "$(message RequestCertificateRequest "csr: \"$(text_bytes "$(csr_hex "$1" "$2")")\"")" \
        "run-bin=$run" "reports-bin=$(reports)" "$(fresh)"
}

ask_certificate() { # ask_certificate KEY SUBJECT
    raw "$(certificate_call "$1" "$2")"
}
