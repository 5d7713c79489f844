# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# prove: checks of what was made, by tools nobody here wrote: openssl, pkcs11-tool, sha256sum.
#
# Each check prints "ok NAME" or "not ok NAME: what its tool said" and is counted. Used by
# deploy/quickstart and tests/e2e on the folders that quickstart's README describes.
# shellcheck source=deploy/lib/system.sh
. "${BASH_SOURCE[0]%/*}/system.sh"

proved=0 unproved=0

prove() { # prove NAME COMMAND...: it must succeed
    local name=$1 words
    shift
    if words=$("$@" 2>&1); then
        proved=$((proved + 1))
        say "ok $name"
    else
        unproved=$((unproved + 1))
        say "not ok $name: $(tail -n 3 <<< "$words" | tr '\n' ' ')"
    fi
}

prove_not() { # prove_not NAME COMMAND...: it must fail
    local name=$1
    shift
    prove "$name" prove_fails "$@"
}
prove_fails() { ! "$@"; }

# r and s, 64 bytes on stdin, to DER (RFC 3279, 2.2.3).
signature_der() {
    local hex
    hex=$(xxd -p -c 64)
    openssl asn1parse -noout -out /dev/stdout -genconf <(
        printf 'asn1 = SEQUENCE:both\n[both]\nr = INTEGER:0x%s\ns = INTEGER:0x%s\n' \
            "${hex:0:64}" "${hex:64:64}")
}

# The OEM's chains. FOLDER has root.pem, issuing.pem, web-server.pem.
prove_chains() { # prove_chains FOLDER
    prove "openssl: RootCA is self-signed" openssl verify -CAfile "$1/root.pem" "$1/root.pem"
    prove "openssl: ICA under RootCA" openssl verify -CAfile "$1/root.pem" "$1/issuing.pem"
    prove "openssl: WebServer under ICA, for a TLS server of this name" openssl verify \
        -purpose sslserver -verify_hostname localhost -CAfile "$1/root.pem" \
        -untrusted "$1/issuing.pem" "$1/web-server.pem"
}

# A unit's own. UNIT_FOLDER is what `oemctl unit show --out` wrote.
prove_unit() { # prove_unit FOLDER UNIT_FOLDER UID
    local unit=$2 short=${3: -8}
    prove "unit $short: openssl: the CSR is signed by its own key" csr_verifies "$unit/csr.pem"
    prove "unit $short: openssl: certificate under ICA and RootCA" openssl verify \
        -purpose sslclient -CAfile "$1/root.pem" -untrusted "$1/issuing.pem" "$unit/certificate.pem"
    prove "unit $short: the certificate is for the CSR's key" same_key "$unit"
    prove "unit $short: the certificate names this unit" \
        certificate_names "$unit/certificate.pem" "$3"
    prove "unit $short: openssl: FwInfo is signed by ROTPK's key" fwinfo_verifies "$unit"
    prove "unit $short: FwInfo has the image's SHA-256" fwinfo_digest_is "$unit"
    prove "unit $short: the receipt names certificate, ROTPK and firmware" receipt_names "$unit"
}

# Issuing from a request begins with its self-signature, and fails on a wrong one by exit code, which
# "openssl req -verify" of 3.0 does not. The CA is any.
csr_verifies() { # csr_verifies CSR
    local ca=$run_dir/any-ca
    [ -f "$ca.pem" ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
        -subj /CN=any -keyout "$ca.key" -out "$ca.pem" || return 1
    openssl x509 -req -in "$1" -CA "$ca.pem" -CAkey "$ca.key" -set_serial 1 -out /dev/null
}

same_key() {
    diff <(openssl req -in "$1/csr.pem" -noout -pubkey) \
        <(openssl x509 -in "$1/certificate.pem" -noout -pubkey)
}

certificate_names() {
    openssl x509 -in "$1" -noout -subject -nameopt multiline |
        grep -qiE "serialNumber += +$2\$"
}

# FwInfo: 128 signed bytes, then r and s; the region's digest at 0x60 (M2354BSP, SecureBootDemo).
fwinfo_verifies() {
    openssl dgst -sha256 -verify "$1/rotpk.pem" \
        -signature <(tail -c +129 "$1/fwinfo.bin" | signature_der) <(head -c 128 "$1/fwinfo.bin")
}

fwinfo_digest_is() {
    local base size
    base=$(od -A n -t u4 --endian=little -j 72 -N 4 "$1/fwinfo.bin")
    size=$(od -A n -t u4 --endian=little -j 76 -N 4 "$1/fwinfo.bin")
    [ "$(tail -c +$((base + 1)) "$1/signed-image.bin" | head -c "$((size))" | sha256sum | cut -c 1-64)" = \
        "$(tail -c +97 "$1/fwinfo.bin" | head -c 32 | xxd -p -c 32)" ]
}

receipt_names() {
    local certificate rotpk firmware
    certificate=$(openssl x509 -in "$1/certificate.pem" -outform DER | sha256sum | cut -c 1-64)
    rotpk=$(sha256sum < "$1/rotpk.bin" | cut -c 1-64)
    firmware=$(tail -c +97 "$1/fwinfo.bin" | head -c 32 | xxd -p -c 32)
    jq -e --arg certificate "$certificate" --arg rotpk "$rotpk" --arg firmware "$firmware" \
        '.device_certificate_sha256 == $certificate and .rotpk_sha256 == $rotpk and
         .firmware_sha256 == $firmware' "$1/receipt.json"
}

# What pkcs11-tool sees on a token: one object a line, its kind, label and access.
token_objects() { # token_objects NAME
    pkcs11-tool --module "$softhsm_module" --token-label "hallmark-$1" --login \
        --pin "$(head -n 1 "$run_dir/hsm/pins/$1.pin")" --list-objects 2> /dev/null |
        awk '/^[A-Z].* Object/ { if (line) print line; line = $0 }
             /^ *(label|Access):/ { gsub(/ +/, " "); line = line ";" $0 }
             END { if (line) print line }' | sort
}

token_inventory() {
    local name
    for name in "${system_tokens_list[@]}"; do
        token_objects "$name" | sed "s/^/$name: /"
    done
}

token_keys_hidden() { # every private and secret key of the token
    local keys flag
    keys=$(token_objects "$1" | grep -E '^(Private|Secret) Key')
    [ -n "$keys" ] || { echo "no key on the token"; return 1; }
    for flag in sensitive 'always sensitive' 'never extractable'; do
        ! grep -vE "[:,] $flag(,|;|\$)" <<< "$keys" || return 1
    done
}

# INVENTORY: what the tokens held after arrows 1 and 2.
prove_tokens() { # prove_tokens INVENTORY
    local name
    for name in "${system_tokens_list[@]}"; do
        prove "pkcs11-tool: keys of hallmark-$name are sensitive and never extractable" \
            token_keys_hidden "$name"
    done
    prove "pkcs11-tool: no per-unit object is left on a token" \
        diff "$1" <(token_inventory)
}

# EVENTS: what `oemctl log show --json` printed.
prove_events() { # prove_events EVENTS UID
    local short=${2: -8}
    prove "unit $short: all 33 arrows are in the event log, each done" \
        events_hold "$1" "$2" '[.[] | select(.kind == "arrow" and .status == "OK") | .arrow] |
            unique == [range(1; 34)]'
    prove "unit $short: both confirmation tags matched, and debug was proven refused" \
        events_hold "$1" "$2" '[.[] | select(.status == "OK") | .method] |
            index("hallmark.v1.Runs/Finish") and index("hallmark.v1.Runs/Sealed")'
}

events_hold() { # events_hold EVENTS UID CONDITION: of that unit's entries and the OEM's own
    jq -se --arg uid "$2" "[.[] | select(.uid == \$uid or .uid == null)] | $3" "$1"
}

prove_log() { # prove_log VKEY
    prove "the event log verifies from its first entry" operator log verify --vkey "$1"
}

# The board after the cold reset. NUMBER among board_uids.
prove_board() { # prove_board NUMBER
    local short=${board_uids[$1]: -8}
    prove "unit $short: the ROM verified the firmware and started it" \
        board_is "$1" '.boot == "verified"'
    prove "unit $short: the demo said over UART0 that it runs" board_said "$1"
    prove "unit $short: the debug port is closed" board_is "$1" '.debug == "closed" or .debug == "silent"'
}

board_is() { # board_is NUMBER CONDITION
    local status
    status=$(board_ask status "$1")
    jq -e "$2" <<< "$status" > /dev/null || { echo "$status"; return 1; }
}

board_said() { # board_said NUMBER: the demo's banner, with this board's UID
    board_uart "$1" | grep -aE "^NuLink3 demo .*running, UID ${board_uids[$1]}" || {
        echo "UART0 said: $(board_uart "$1" | head -c 200)"
        return 1
    }
}
