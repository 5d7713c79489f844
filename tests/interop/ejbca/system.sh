# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# system: a whole installation whose CA is an EJBCA, real or the stand-in. Sourced by the tests here and
# by tests/cut, after lib.sh or pki.sh; ejbca_sections prints its part of the configuration.

# As system_up, but for the CA.
ejbca_system_up() { # ejbca_system_up BOARDS [LINE OF THE CONFIGURATION...]
    system_tokens
    system_init
    { ejbca_sections && printf '%s\n' "${@:2}"; } >> "$run_dir/server/server.ini"
    token_inventory > "$run_dir/tokens.before"
    # Who checks a unit's evidence has to know EJBCA's chain, too.
    cat "$(ejbca_chain)" >> "$run_dir/desk/root.pem"
    system_server
    system_release
    system_station line-1
    [ "$1" -eq 0 ] || system_boards "$1"
}

ejbca_chain() { ejbca_sections | sed -n 's/^issuer = //p'; }

unit_files() { # unit_files UID: into FOLDER run_dir/unit-UID
    rm -rf "$run_dir/unit-$1"
    operator unit show "$1" --out "$run_dir/unit-$1" --json > "$run_dir/unit" || { cat "$run_dir/unit" && return 1; }
}

# By openssl: the unit's certificate is EJBCA's, in flash and in the store.
certificate_is_ejbcas() { # certificate_is_ejbcas UID
    unit_files "$1" || return 1
    openssl verify -CAfile "$(ejbca_chain)" "$run_dir/unit-$1/certificate.pem" || return 1
    ! openssl verify -CAfile "$run_dir/desk/issuing.pem" -partial_chain "$run_dir/unit-$1/certificate.pem" 2> /dev/null
}

whole_board() { # whole_board NUMBER
    provision po-1 line-1 "${board_probes[$1]}" > "$run_dir/provisioned" || { tail -n 2 "$run_dir/provisioned" && return 1; }
    unit_is "${board_uids[$1]}" '.state == "sealed"'
}
