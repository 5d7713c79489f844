# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# parties: each is lost while programs stand still at their points, and comes back afterwards.
# Sourced by tests/cut/cut.
#
# Each party has a loss and a return. power, link and agent belong to one board; server, network,
# token and ca to all boards of the batch.

parties=(power link agent server network token ca)
order="cut"

lose_power() { control_ok power "$1" off; } # lose_power BOARD
back_power() { control_ok power "$1" on; }

lose_link() { control_ok fault "$1" link-down on; }
back_link() { control_ok fault "$1" link-down off; }

lose_agent() { process_kill "agent-$1"; }
back_agent() { :; }

lose_server() { process_kill oem-server; }
back_server() { system_server; }

# Between the agents and the server, for that party only: a process a connection.
network_up() {
    local line port
    local log=$run_dir/log/relay.log
    : > "$log"
    socat -d -d TCP-LISTEN:0,bind=127.0.0.1,fork "TCP:127.0.0.1:${server_url##*:}" 2>> "$log" &
    process_pid[relay]=$!
    while IFS= read -r -t 20 line; do
        [[ $line =~ listening\ on\ .*:([0-9]+)$ ]] || continue
        port=${BASH_REMATCH[1]}
        break
    done < <(exec tail -n +1 -s 0.02 -f --pid="${process_pid[relay]}" "$log")
    [ -n "${port:-}" ] || die "socat does not listen: $(tail -n 2 "$log")"
    agents_url=wss://localhost:$port
}

network_down() {
    agents_url=''
    lose_network
    process_stop relay || true
}

# Both ends see that their connection is gone.
lose_network() {
    local child relay=${process_pid[relay]} children
    read -ra children < "/proc/$relay/task/$relay/children" || true
    for child in "${children[@]}"; do
        kill -KILL "$child" 2> /dev/null || true
    done
}
back_network() { :; }

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
    case $1 in
        server | network | token | ca) ;;
        *) false ;;
    esac
}
