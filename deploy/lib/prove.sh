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
    prove "unit $short: openssl: the receipt is signed with AUTHKEY" \
        statement_verifies "$unit" receipt
    prove "unit $short: openssl: the commit statement is signed with AUTHKEY, and is of that receipt" \
        statement_follows "$unit" commit receipt_sha256 receipt
    prove "unit $short: openssl: the lock statement is signed with AUTHKEY, and is of that commit" \
        statement_follows "$unit" lock statement_sha256 commit
    prove "unit $short: all of them state the order's level" statements_level "$unit" production
}

# A signed statement of the board, in the layout of common/core/sign.h, made here by printf from
# the fields that oemctl wrote as JSON: a context, a zero byte, and each field with its length.
statement() { # statement UNIT_FOLDER receipt|commit|lock
    local json=$1/$2.json field
    {
        printf 'hallmark.v1 %s\0' "$2" | xxd -p
        case $2 in
            receipt) set -- run_id uid auth_public_key device_certificate_sha256 \
                web_server_certificate_sha256 rotpk_sha256 firmware_sha256 lock_level_wanted \
                transcript_sha256 server_nonce rotpk_unproven devauth_sha256 slot_in_use slot_kcv ;;
            commit) set -- run_id uid aes_slot key_check_value lock_level_wanted receipt_sha256 ;;
            lock) set -- run_id uid lock_level_read_back statement_sha256 ;;
        esac
        for field in "$@"; do statement_field "$json" "$field"; done
    } | xxd -r -p
}

statement_field() { # statement_field JSON NAME: its length and its bytes, in hex
    local value
    value=$(jq -r ".$2 // \"\" | tostring" "$1")
    case $2 in
        lock_level_*) value=$(statement_level "$value") ;;
        rotpk_unproven) [ "$value" = true ] && value=01 || value=00 ;;
        slot_in_use | aes_slot) value=$(printf %02x "${value:-0}") ;;
    esac
    printf '%04x%s\n' $((${#value} / 2)) "$value"
}

statement_level() {
    case $1 in
        dev) echo 01 ;;
        production) echo 03 ;;
        *) echo "no level: $1" >&2 ;;
    esac
}

statement_sha256() { statement "$1" "$2" | sha256sum | cut -c 1-64; }

# By the key that the unit's certificate is for.
statement_verifies() { # statement_verifies UNIT_FOLDER WHICH
    openssl dgst -sha256 -verify <(openssl x509 -in "$1/certificate.pem" -noout -pubkey) \
        -signature <(jq -r .signature "$1/$2.json" | xxd -r -p | signature_der) <(statement "$1" "$2")
}

# WHICH has the SHA-256 of the statement before it in FIELD.
statement_follows() { # statement_follows UNIT_FOLDER WHICH FIELD BEFORE
    statement_verifies "$1" "$2" &&
        [ "$(jq -r ".$3" "$1/$2.json")" = "$(statement_sha256 "$1" "$4")" ]
}

statements_level() { # statements_level UNIT_FOLDER LEVEL
    jq -se --arg level "$2" 'map(.lock_level_wanted // .lock_level_read_back) |
        . == [$level, $level, $level]' "$1"/{receipt,commit,lock}.json
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
    prove "unit $short: finished, committed, locked and sealed, in this order" \
        events_hold "$1" "$2" '[.[] | select(.status == "OK") | .method] |
            [index("hallmark.v1.Runs/Finish", "hallmark.v1.Runs/Commit",
                "hallmark.v1.Runs/Locked", "hallmark.v1.Runs/Sealed")] |
            all(. != null) and . == sort'
}

# SHOWN: what `oemctl unit show --json` printed.
prove_sealed() { # prove_sealed SHOWN UID
    prove "unit ${2: -8}: sealed, with a lock statement of the order's level, by no operator's word" \
        jq -e '.state == "sealed" and .lock_statement == true and .lock == "production" and
            (.accepted // false) == false' "$1"
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
