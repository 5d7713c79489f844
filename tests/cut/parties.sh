# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# parties: each is lost while programs stand still at their points, and comes back afterwards.
# Sourced by tests/cut/cut.
#
# Each party has a loss and a return. server, token and ca belong to all boards of the batch, the others
# to one board. "silent" is a network that is there and passes nothing on: no connection is closed,
# and both ends have to find out by their own clocks. What is sent in the meantime comes late.

everywhere=(power link agent server network token silent silent-up silent-down)
parties=("${everywhere[@]}" ca) # the CA's answer is lost at arrow 14 alone
order="cut"

lose_power() { control_ok power "$1" off; } # lose_power BOARD
back_power() { control_ok power "$1" on; }

lose_link() { control_ok fault "$1" link-down on; }
back_link() { control_ok fault "$1" link-down off; }

lose_agent() { process_kill "agent-$1"; }
back_agent() { :; }

lose_server() { process_kill oem-server; }
back_server() { system_server; }

lose_network() { relay cut "$1"; } # both ends see that their connection is gone
back_network() { :; }

lose_silent() { line_silent "$1" both; }
back_silent() { line_go "$1"; }
lose_silent-up() { line_silent "$1" up; } # what the agent sends
back_silent-up() { line_go "$1"; }
lose_silent-down() { line_silent "$1" down; } # what the server sends
back_silent-down() { line_go "$1"; }

# SoftHSM does not look for files again that went away: the server is restarted when they are back,
# as its service manager would do after a minute (tests/e2e/slow/token).
lose_token() { mv "$run_dir/hsm/tokens" "$run_dir/hsm/away"; }
back_token() {
    mv "$run_dir/hsm/away" "$run_dir/hsm/tokens"
    process_stop oem-server || true
    system_server
}

# The CA is the stand-in for EJBCA (tests/interop/ejbca): what it answers to arrow 14 is lost, after it
# has issued. Without node the HSM is the CA, and there is no such party.
ca_is_outside() { is_one_of_parties ca; }
is_one_of_parties() { [[ " ${parties[*]} " = *" $1 "* ]]; }

lose_ca() { standin fault cut-after 1000 > "$run_dir/said"; }
back_ca() { standin fault none 0 > "$run_dir/said"; }

ejbca_sections() { standin_settings 'timeout_ms = 5000'; }

# One certificate of each unit and generation stands at the CA, and it is the stored one.
certificates_stand() {
    local begin=$SECONDS
    ca_is_outside || return 0
    # What was revoked here is told to the CA within some seconds.
    until certificates_compare > "$run_dir/compared" || [ $((SECONDS - begin)) -gt 60 ]; do :; done
    cat "$run_dir/compared"
    certificates_compare
}

certificates_compare() {
    local der serials
    for der in $(sql "SELECT lower(hex(certificate)) FROM fact_certificate c WHERE NOT EXISTS (
        SELECT 1 FROM fact_revoked r WHERE r.uid = c.uid AND r.gen = c.gen)"); do
        xxd -r -p <<< "$der" | openssl x509 -inform DER -noout -serial
    done | sed 's/^serial=//' | sort > "$run_dir/stored"
    standin state | jq -r '.certificates[] | select(.revoked | not) | .serial' | sort > "$run_dir/standing"
    serials=$(comm -23 "$run_dir/stored" "$run_dir/standing")
    [ -z "$serials" ] || { echo "stored, and not valid at the CA: $serials" && return 1; }
    serials=$(standin state | jq -r '[.certificates[] | select(.revoked | not)] | group_by(.dn)[] |
        select(length > 1) | .[0].dn')
    [ -z "$serials" ] || { echo "two stand at the CA: $serials" && return 1; }
}

is_shared() { # is_shared PARTY: it belongs to all boards
    [[ $1 = server || $1 = token || $1 = ca ]]
}

is_silence() { [[ $1 = silent* ]]; } # is_silence PARTY

needs_line() { # needs_line PARTY: it is lost between the agent and the server
    [[ $1 = network ]] || is_silence "$1"
}
